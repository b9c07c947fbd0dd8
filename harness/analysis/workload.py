"""Reads the lives of pods from the timeline, and the Deployment under change from the manifests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.analysis.evidence import TrialEvidence
from harness.analysis.moments import Seconds
from harness.analysis.thresholds import GRACE_SLACK_S
from harness.model.change_facts import TargetKind
from harness.model.controllers import controller_facts
from harness.model.timeline import Event, EventKind

#: Grace period that the kubelet gives a pod that was deleted by force, seconds.
FORCED_GRACE_S = 1.0


@dataclass(frozen=True, slots=True)
class PodLife:
    """A pod's life in seconds from the traffic's start; None for events that were not observed.

    Attributes:
        name: The pod.
        created: Time of its creation.
        ready: Time at which it was first ready.
        terminating: Time at which its deletion was requested.
        gone: Time at which it no longer existed.
        grace: The grace period of its deletion, in seconds.
        labels: Further facts (``app``, ``version``, ``ip``, ``image``).
    """

    name: str
    created: float
    ready: float | None
    terminating: float | None
    gone: float | None
    grace: float
    labels: Mapping[str, str]

    @property
    def allowed_s(self) -> float:
        """Return the seconds that its preStop hook may take."""
        return max(self.grace, FORCED_GRACE_S)

    def stopping(self, kubelet: Mapping[tuple[str, str], float]) -> float | None:
        """Return the time at which its kubelet began to stop it; None if it was not deleted.

        Args:
            kubelet: The events of the kubelet, as ``kubelet_times`` returns them.
        """
        return None if self.terminating is None else kubelet.get((self.name, "Killing"), self.terminating)

    def is_hook_cut(self, kubelet: Mapping[tuple[str, str], float]) -> bool:
        """Return True if its preStop hook ran until the grace period was over.

        The kubelet reports that with the same event as a hook that failed.

        Args:
            kubelet: The events of the kubelet, as ``kubelet_times`` returns them.
        """
        stopping, reported = self.stopping(kubelet), kubelet.get((self.name, "FailedPreStopHook"))
        if stopping is None or reported is None:
            return False
        return reported >= stopping + self.allowed_s - GRACE_SLACK_S.value / 2


def pod_lives(evidence: TrialEvidence) -> tuple[PodLife, ...]:
    """Return the lives of all pods in the timeline, in order of creation."""
    seconds = Seconds(evidence.origin_ns)
    pods: dict[str, list[Event]] = {}
    for event in evidence.timeline:
        if event.kind is EventKind.POD:
            pods.setdefault(event.subject, []).append(event)
    lives = [_life(name, events, seconds) for name, events in pods.items()]
    return tuple(sorted(lives, key=lambda life: (life.created, life.name)))


def kubelet_times(evidence: TrialEvidence) -> dict[tuple[str, str], float]:
    """Return the time of the first event of each kind of the kubelet, by ``(pod, kind)``."""
    seconds, found = Seconds(evidence.origin_ns), dict[tuple[str, str], float]()
    for event in evidence.timeline:
        if event.kind is EventKind.KUBELET:
            found.setdefault((event.subject, event.what), seconds(event.at))
    return found


def _life(name: str, events: list[Event], seconds: Seconds) -> PodLife:
    first: dict[str, float] = {}
    for event in events:
        first.setdefault(event.what, seconds(event.at))
    detail = {key: value for event in events for key, value in event.detail.items() if value != ""}
    return PodLife(
        name=name,
        created=first.get("created", min(first.values())),
        ready=first.get("ready"),
        terminating=first.get("terminating"),
        gone=first.get("gone"),
        grace=float(detail.get("grace", 0)),
        labels={key: str(detail[key]) for key in ("app", "version", "ip", "image") if key in detail},
    )


def deployments_of(evidence: TrialEvidence) -> tuple[Mapping[str, Any], ...]:
    """Return the Deployments of the manifests whose pods the change replaces; one at most for each of its parts."""
    names = [part.target_name for part in evidence.change.parts if part.target is TargetKind.DEPLOYMENT]
    return tuple(
        manifest
        for manifest in evidence.manifests
        if manifest.get("kind") == "Deployment" and manifest.get("metadata", {}).get("name") in names
    )


def container_fields_of(evidence: TrialEvidence, deployment: str) -> Mapping[str, Any]:
    """Return the fields of a Deployment's container that the change gives a new value."""
    wanted = (TargetKind.DEPLOYMENT, deployment)
    parts = (part for part in evidence.change.parts if (part.target, part.target_name) == wanted)
    return {name: value for part in parts for name, value in part.container_fields.items()}


def has_prestop(evidence: TrialEvidence, deployment: Mapping[str, Any]) -> bool:
    """Return True if a container of a Deployment has a preStop hook, or gets one by the change."""
    pod = deployment.get("spec", {}).get("template", {}).get("spec", {})
    changed = container_fields_of(evidence, str(deployment.get("metadata", {}).get("name", "")))
    return any(map(_hooks, (*(pod.get("containers") or ()), changed)))


def _hooks(container: Mapping[str, Any]) -> bool:
    return bool((container.get("lifecycle") or {}).get("preStop"))


def stayed_ready(evidence: TrialEvidence, since: float, until: float) -> bool:
    """Return True if a pod was ready at the start and no pod was deleted, so that no loss is due to a missing pod.

    Args:
        evidence: The trial's evidence.
        since: Start of the period, seconds from the traffic's start.
        until: End of the period, seconds from the traffic's start.
    """
    lives = [life for life in pod_lives(evidence) if life.gone is None or life.gone > since]
    went = [moment for life in lives for moment in (life.terminating, life.gone) if moment is not None]
    ready = any(life.ready is not None and life.ready <= since for life in lives)
    return ready and all(moment > until for moment in went)


def replaced(evidence: TrialEvidence, deployment: Mapping[str, Any], since: float) -> Iterator[PodLife]:
    """Yield pods of a Deployment that were ready, and whose deletion was requested after ``since``."""
    prefix = f"{deployment['metadata']['name']}-"
    for life in pod_lives(evidence):
        if (
            life.name.startswith(prefix)
            and life.ready is not None
            and life.terminating is not None
            and life.terminating >= since
        ):
            yield life


def drops_routes(evidence: TrialEvidence) -> bool:
    """Return True if a controller was observed that removes the routes of Services without endpoints."""
    return any(
        event.kind is EventKind.INGRESS and event.what in facts.tells and facts.drops_routes
        for event in evidence.timeline
        for facts in (controller_facts(event.subject),)
    )
