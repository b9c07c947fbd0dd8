"""Reasons for which a rollout cannot become ready: read from pods and ReplicaSets, as ``kubectl describe`` shows them.

A rollout that cannot succeed fails within seconds and says why, rather than after its whole time without a reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: Seconds for which a container must wait for one of these reasons until it counts as blocked. A pull is tried again,
#: and a Secret may come with the rest of the workload.
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
        sentence: The object and the reason, for people.
        seconds: How long it must last until nothing else is to be expected.
    """

    sentence: str
    seconds: float


@dataclass(slots=True)
class BlockerWatch:
    """Remembers since when each reason has been there.

    Attributes:
        since: First sight of each reason, in seconds of any clock.
    """

    since: dict[str, float] = field(default_factory=dict)

    def look(self, found: Sequence[Blocker], now: float) -> str:
        """Take in what is there now; return the sentence of a reason that has lasted long enough, empty without one."""
        self.since = {each.sentence: self.since.get(each.sentence, now) for each in found}
        lasting = (each.sentence for each in found if now - self.since[each.sentence] >= each.seconds)
        return next(lasting, "")


def blockers(pods: Sequence[Mapping[str, Any]], owners: Sequence[Mapping[str, Any]]) -> list[Blocker]:
    """Return what keeps the pods of a rollout from becoming ready.

    Args:
        pods: Pods of the rollout.
        owners: Its Deployment and ReplicaSets, which say why they cannot create pods.
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
    if reason == "CrashLoopBackOff":
        if entry.get("restartCount", 0) < CRASHES:
            return
        code = ((entry.get("lastState") or {}).get("terminated") or {}).get("exitCode")
        message = f"it ended with exit code {code} each time" if code is not None else "it ends each time"
    else:
        message = waiting.get("message", "")
    # The name of the pod and the number in a back-off differ from pod to pod and from look to look.
    sentence = f"container {entry['name']} of pod {pod}: {reason}: {message}".rstrip(": ")
    yield Blocker(sentence, WAITING[reason])
