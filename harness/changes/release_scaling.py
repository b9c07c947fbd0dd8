"""Scales the Deployment of a version as part of a release: up before the switch, or down after it."""

from __future__ import annotations

from harness.changes.applied import AppliedChange, patch_with_undo
from harness.changes.context import Missing
from harness.changes.pods import addresses, names, pods_of
from harness.changes.repetition import Repetition
from harness.changes.rollouts import current, rollout_missing
from harness.model.changes import ChangeSpec
from harness.model.events import Resized, ResizeEvents


class ReleaseScaling:
    """The scaling of one Deployment as part of a release.

    Args:
        repetition: The repetition of the release.
        deployment: Name of the Deployment.
        replicas: New number of replicas.
        events: The events to record.
    """

    def __init__(
        self, repetition: Repetition[ChangeSpec], deployment: str, replicas: int, events: ResizeEvents
    ) -> None:
        self._repetition = repetition
        self._deployment = deployment
        self._replicas = replicas
        self._events = events
        self._applied: AppliedChange | None = None
        self._original = 1

    def begin(self) -> None:
        """Scale the Deployment. Its undo is on disk before the request is sent."""
        repetition, patch = self._repetition, {"spec": {"replicas": self._replicas}}
        applied = patch_with_undo(repetition.context, "Deployment", self._deployment, patch, "merge")
        detail = Resized(deployment=self._deployment, begun=applied.begun)
        repetition.record(self._events.made, detail, at=applied.applied)
        original = applied.before.get("object", applied.target)
        self._applied, self._original = applied, int(original["spec"].get("replicas", 1))

    def observe(self) -> bool:
        """Wait until the Deployment has exactly its replicas ready. Return True at once if it was never scaled."""
        applied = self._applied
        if applied is None:
            return True
        return self._repetition.observe(
            self._events.observed,
            lambda: self._missing(applied, self._replicas, since=applied.target["metadata"].get("generation", 1) - 1),
            Resized(deployment=self._deployment),
            pointless=applied.pointless,
        )

    def undo(self) -> bool:
        """Undo the scaling and wait for the pods, because they may be the only ones to answer."""
        applied, repetition = self._applied, self._repetition
        if applied is None or applied.entry is None:
            return True
        begun = repetition.context.clock.now()
        if not repetition.undo(applied.entry):
            return False
        repetition.record(self._events.undone, Resized(deployment=self._deployment, begun=begun))
        since = applied.target["metadata"].get("generation", 0)
        return repetition.observe(
            self._events.undo_observed,
            lambda: self._missing(applied, self._original, since=since),
            Resized(deployment=self._deployment),
        )

    def _missing(self, applied: AppliedChange, replicas: int, *, since: int) -> Missing:
        context = self._repetition.context
        deployment = current(context, applied)
        pods = pods_of(context.kube, deployment, context.namespace)
        if not replicas:
            return (f"the end of the pods of Deployment {self._deployment} ({names(pods)})",) if pods else ()
        missing = rollout_missing(deployment, since=since)
        ready = len(addresses(pods))
        return missing or (() if ready >= replicas else (f"{replicas} ready pods of {self._deployment} ({ready})",))
