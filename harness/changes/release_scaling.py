"""A version is brought up for a release, or goes after it, and is as before where the release is undone."""

from __future__ import annotations

from harness.changes.applied import AppliedChange, patch_with_undo
from harness.changes.context import Missing
from harness.changes.pods import addresses, names, pods_of
from harness.changes.repetition import Repetition
from harness.changes.rollouts import current, rollout_missing
from harness.model.changes import ChangeSpec
from harness.model.events import Resized, ResizeEvents


class ReleaseScaling:
    """A Deployment that gets another number of pods as part of a release.

    Args:
        repetition: The repetition that it is part of.
        deployment: Its name.
        replicas: To how many.
        events: What is recorded.
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
        """Scale it, its undo on disk before."""
        repetition, patch = self._repetition, {"spec": {"replicas": self._replicas}}
        applied = patch_with_undo(repetition.context, "Deployment", self._deployment, patch, "merge")
        detail = Resized(deployment=self._deployment, begun=applied.begun)
        repetition.record(self._events.made, detail, at=applied.applied)
        original = applied.before.get("object", applied.target)
        self._applied, self._original = applied, int(original["spec"].get("replicas", 1))

    def sees(self) -> bool:
        """Wait until it has its pods, or none; true where it was never begun."""
        applied = self._applied
        if applied is None:
            return True
        return self._repetition.sees(
            self._events.observed,
            lambda: self._missing(applied, self._replicas, since=applied.target["metadata"].get("generation", 1) - 1),
            Resized(deployment=self._deployment),
            pointless=applied.pointless,
        )

    def undo(self) -> bool:
        """Undo it and wait for its pods: no other may be there to answer."""
        applied, repetition = self._applied, self._repetition
        if applied is None or applied.entry is None:
            return True
        begun = repetition.context.clock.now()
        if not repetition.undoes(applied.entry):
            return False
        repetition.record(self._events.undone, Resized(deployment=self._deployment, begun=begun))
        since = applied.target["metadata"].get("generation", 0)
        return repetition.sees(
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
