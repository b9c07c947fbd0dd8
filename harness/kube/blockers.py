"""Find the reasons why a rollout can't become ready, so that it fails within seconds and with a reason.

The reasons are those in the status of pods and ReplicaSets, which ``kubectl describe`` shows too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: Reason why a container waits -> seconds until the container counts as blocked. The wait may end by itself: a pull is
#: repeated, and a Secret may be created later with the rest of the workload.
WAITING: Mapping[str, float] = {
    "InvalidImageName": 0.0,
    "ErrImageNeverPull": 0.0,
    "ImagePullBackOff": 15.0,
    "CreateContainerConfigError": 5.0,
    "CreateContainerError": 5.0,
    "RunContainerError": 5.0,
    "CrashLoopBackOff": 0.0,
}
#: Restarts after which a crashing container counts as blocked.
CRASHES = 2
_UNSCHEDULABLE = 5.0
_NOT_CREATED = 5.0


@dataclass(frozen=True, slots=True)
class Blocker:
    """A reason that keeps pods from becoming ready.

    Attributes:
        sentence: The object and the reason, for messages.
        seconds: Time after which the reason counts as permanent.
    """

    sentence: str
    seconds: float


@dataclass(slots=True)
class BlockerWatch:
    """A record of the reasons, with the time at which each was first observed.

    Attributes:
        since: First observation of each reason, in seconds of any clock.
    """

    since: dict[str, float] = field(default_factory=dict)

    def observe(self, found: Sequence[Blocker], now: float) -> str:
        """Record the current reasons, and return the sentence of one that is permanent; empty if there is none."""
        self.since = {each.sentence: self.since.get(each.sentence, now) for each in found}
        lasting = (each.sentence for each in found if now - self.since[each.sentence] >= each.seconds)
        return next(lasting, "")


def blockers(pods: Sequence[Mapping[str, Any]], owners: Sequence[Mapping[str, Any]]) -> list[Blocker]:
    """Return the reasons why the pods of a rollout are not ready.

    Args:
        pods: Pods of the rollout.
        owners: Its Deployment and ReplicaSets. Their status says why they can't create pods.
    """
    return [*(found for owner in owners for found in _not_created(owner)), *(f for pod in pods for f in _pod(pod))]


def _not_created(owner: Mapping[str, Any]) -> Iterator[Blocker]:
    for condition in (owner.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            name = owner["metadata"]["name"]
            kind = owner.get("kind", "ReplicaSet")
            yield Blocker(f"{kind} {name} cannot create pods: {condition.get('message', '')}", _NOT_CREATED)


def _pod(pod: Mapping[str, Any]) -> Iterator[Blocker]:
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    if "deletionTimestamp" in pod["metadata"]:
        return
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "Unschedulable":
            yield Blocker(f"pod {name} cannot be scheduled: {condition.get('message', '')}", _UNSCHEDULABLE)
    for entry in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        yield from _container(name, entry)


def _container(pod: str, entry: Mapping[str, Any]) -> Iterator[Blocker]:
    waiting = (entry.get("state") or {}).get("waiting") or {}
    reason = waiting.get("reason", "")
    if reason not in WAITING:
        return
    if reason == "CrashLoopBackOff":  # its message has a back-off time that changes, so it is left out
        if entry.get("restartCount", 0) < CRASHES:
            return
        code = ((entry.get("lastState") or {}).get("terminated") or {}).get("exitCode")
        message = f"it ended with exit code {code} each time" if code is not None else "it ends each time"
    else:
        message = waiting.get("message", "")
    sentence = f"container {entry['name']} of pod {pod}: {reason}: {message}".rstrip(": ")
    yield Blocker(sentence, WAITING[reason])
