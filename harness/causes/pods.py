"""Reads the end of each pod: its deletion, preStop hook, SIGTERM, SIGKILL and the removal of its network.

Times are seconds from the traffic's start.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.analysis.evidence import TrialEvidence
from harness.analysis.thresholds import GRACE_SLACK_S
from harness.analysis.workload import PodLife, container_fields_of, kubelet_times, pod_lives
from harness.kube.manifests import name_of
from harness.kube.nested import at
from harness.model.experiment import Manifest
from harness.model.timeline import EventKind
from harness.model.verdict import Mark

#: The grace period of the API server's default.
DEFAULT_GRACE_S = 30.0
#: A hook still running at the end of the grace period gets SIGTERM then, and SIGKILL so much later.
ABANDONED_EXTRA_S = 2.0
#: Text of a mark that was not observed, but follows from other events.
DERIVED = "derived"
#: A sleep in the command of an exec hook.
_SLEEP = re.compile(r"\bsleep['\", ]+(\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Hook:
    """The preStop hook of a container.

    Attributes:
        kind: ``sleep``, ``exec`` or ``httpGet``; empty if there is none.
        seconds: Its duration; infinity if unknown, 0 if there is none.
    """

    kind: str = ""
    seconds: float = 0.0

    @classmethod
    def of(cls, container: Mapping[str, Any]) -> Hook:
        """Return the hook of a container."""
        hook = at(container, "lifecycle", "preStop") or {}
        for kind, body in hook.items():
            if body is None:
                continue
            if kind == "sleep":
                return cls(kind, float(at(body, "seconds") or 0))
            found = _SLEEP.search(" ".join(map(str, at(body, "command") or ())))
            return cls(kind, float(found[1]) if found else math.inf)
        return cls()


@dataclass(frozen=True, slots=True)
class PodLifecycle:
    """The life of a pod as far as a request can meet it. None for events that did not happen or were not observed.

    Attributes:
        name: The pod.
        address: Its IP address.
        deployment: The Deployment whose pod it is; empty if unknown.
        revision: The part of its name that all pods of one template share.
        created: Time of its creation.
        ready: Time at which it was first ready.
        deleted: Time at which its deletion was requested.
        stopping: Time at which its kubelet began to stop it: the preStop hook starts.
        sigterm: Time of SIGTERM; derived from the hook's duration.
        sigkill: Time of SIGKILL; None if the pod ended within its grace period, or was deleted by force.
        gone: Time at which it no longer existed.
        grace: Its grace period, seconds.
        hook: The preStop hook of its container.
        hook_failed: Time at which its hook failed; None also if the hook ran until the grace period was over.
        is_hook_cut: True if its hook ran until the grace period was over, as reported or as both durations show.
        has_probe: True if its container has a readiness probe.
    """

    name: str
    address: str
    deployment: str
    revision: str
    created: float
    ready: float | None
    deleted: float | None
    stopping: float | None
    sigterm: float | None
    sigkill: float | None
    gone: float | None
    grace: float
    hook: Hook
    hook_failed: float | None
    is_hook_cut: bool
    has_probe: bool

    @property
    def listener_closed(self) -> float | None:
        """Return the time at which it closed its listener: SIGTERM, unless it ignored that until it was killed.

        After a deletion by force, nobody can observe if it did.
        """
        return self.sigterm if self.sigkill is None and self.grace > 0 else None

    def signals(self) -> Iterator[tuple[str, float]]:
        """Yield word and time of SIGTERM, the closing of the listener and SIGKILL, as far as they are known.

        The end of a hook of unknown duration is not known, nor is SIGTERM of a pod that was gone before it was due.
        """
        is_known = self.hook_failed is not None or math.isfinite(self.hook.seconds)
        for what, when, known in (
            ("sigterm", self.sigterm, is_known),
            ("listener-closed", self.listener_closed, is_known),
            ("sigkill", self.sigkill, True),
        ):
            if known and when is not None and (self.gone is None or when <= self.gone + GRACE_SLACK_S.value):
                yield what, when

    def ended_at(self) -> float:
        """Return the time from which it serves no more: SIGTERM, or its deletion if that is unknown."""
        return next((t for t in (self.sigterm, self.deleted, self.gone) if t is not None), math.inf)


def serving_container(deployment: Manifest) -> Mapping[str, Any]:
    """Return the container of a Deployment that serves: the first one with ports, or else the first one."""
    containers = at(deployment, "spec", "template", "spec", "containers") or [{}]
    found: Mapping[str, Any] = next((each for each in containers if each.get("ports")), containers[0])
    return found


def pod_lifecycles(evidence: TrialEvidence) -> tuple[PodLifecycle, ...]:
    """Return the lifecycles of all pods in the timeline, in order of creation."""
    deployments = {name_of(m): m for m in evidence.manifests if m.get("kind") == "Deployment"}
    kubelet = kubelet_times(evidence)
    return tuple(_lifecycle(evidence, life, deployments, kubelet) for life in pod_lives(evidence))


def _lifecycle(
    evidence: TrialEvidence,
    life: PodLife,
    deployments: Mapping[str, Manifest],
    kubelet: Mapping[tuple[str, str], float],
) -> PodLifecycle:
    owner = max((name for name in deployments if life.name.startswith(f"{name}-")), key=len, default="")
    container = serving_container(deployments[owner]) if owner else {}
    changed = container_fields_of(evidence, owner) if owner else {}
    hook = Hook.of({**container, **({"lifecycle": changed["lifecycle"]} if "lifecycle" in changed else {})})
    reported = kubelet.get((life.name, "FailedPreStopHook"))
    stopping, is_cut = life.stopping(kubelet), life.is_hook_cut(kubelet)
    failed = None if is_cut else reported
    sigterm, sigkill = _signals(life, hook, stopping, failed)
    return PodLifecycle(
        name=life.name,
        address=life.labels.get("ip", ""),
        deployment=owner,
        revision=life.name.removeprefix(f"{owner}-").rpartition("-")[0] if owner else "",
        created=life.created,
        ready=life.ready,
        deleted=life.terminating,
        stopping=stopping,
        sigterm=sigterm,
        sigkill=sigkill,
        gone=life.gone,
        grace=life.grace if life.terminating is not None else DEFAULT_GRACE_S,
        hook=hook,
        hook_failed=failed,
        is_hook_cut=is_cut or (stopping is not None and failed is None and life.allowed_s <= hook.seconds < math.inf),
        has_probe=bool(container.get("readinessProbe")),
    )


def _signals(
    life: PodLife, hook: Hook, stopping: float | None, failed: float | None
) -> tuple[float | None, float | None]:
    """Return the times of SIGTERM and SIGKILL."""
    if life.terminating is None or stopping is None:
        return None, None
    sigterm = failed if failed is not None else stopping + min(hook.seconds, life.allowed_s)
    if life.grace == 0:
        # The object is gone at once, so the end of the containers is not observed.
        return sigterm, None
    end = stopping + life.grace + (ABANDONED_EXTRA_S if failed is None and hook.seconds >= life.grace else 0.0)
    killed = life.gone is None or life.gone >= end - GRACE_SLACK_S.value / 2
    return sigterm, end if killed else None


def signal_marks(evidence: TrialEvidence) -> tuple[Mark, ...]:
    """Return the signals of all pods since the traffic's start, and when they closed their listeners, in order.

    ``subject`` is the pod. ``what`` is ``sigterm``, ``listener-closed`` or ``sigkill``. No component reports these:
    they follow from the kubelet's events, the hook, the grace period and the end of the pod, which ``text`` says.
    """
    if not evidence.origin_ns:
        return ()
    found = [
        Mark(at, str(EventKind.KUBELET), pod.name, what, DERIVED)
        for pod in pod_lifecycles(evidence)
        for what, at in pod.signals()
        if at >= 0
    ]
    return tuple(sorted(found, key=lambda mark: mark.at))


def owned(pods: Iterable[PodLifecycle], deployment: str) -> tuple[PodLifecycle, ...]:
    """Return the pods of a Deployment."""
    return tuple(pod for pod in pods if pod.deployment == deployment)
