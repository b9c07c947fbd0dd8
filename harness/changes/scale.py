"""More or fewer replicas under traffic."""

from __future__ import annotations

from dataclasses import replace

from harness.changes.base import Change, Made, Missing, Stage, UndoWhen, patch_with_undo
from harness.changes.pods import pods_of
from harness.changes.rollouts import current, rollout_missing
from harness.kube.api import Object
from harness.model.changes import Scale


class Resize(Change[Scale]):
    """See ``harness.model.changes.Scale``; observed when just so many pods are there and all are available."""

    undo_when = UndoWhen.BETWEEN

    def make(self, stage: Stage, number: int) -> Made:
        """Patch the number of replicas."""
        patch = {"spec": {"replicas": self.spec.replicas}}
        made = patch_with_undo(stage, "Deployment", self.spec.deployment, patch, "merge", number)
        original: Object = made.before.get("object", made.target)
        before = {
            "generation": original["metadata"].get("generation", 0),
            "replicas": original["spec"].get("replicas", 1),
        }
        return replace(made, before=before)

    def missing(self, stage: Stage, made: Made) -> Missing:
        """The rollout at the new number."""
        return _settled(stage, made, since=made.before["generation"], replicas=self.spec.replicas)

    def missing_after_undo(self, stage: Stage, made: Made, undone: int) -> Missing:
        """The rollout at the old number."""
        del undone
        since = made.target["metadata"].get("generation", 0)
        return _settled(stage, made, since=since, replicas=made.before["replicas"])


def _settled(stage: Stage, made: Made, *, since: int, replicas: int) -> Missing:
    deployment = current(stage, made)
    there = len(pods_of(stage.kube, deployment, stage.namespace))
    count = () if there == replicas else (f"{replicas} pods ({there} are there)",)
    return (*rollout_missing(deployment, since=since), *count)
