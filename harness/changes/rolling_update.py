"""A new version of a Deployment's pods, seen when it alone is there and answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.changes.base import Change, Made, Missing, Stage, UndoWhen, patch_with_undo
from harness.changes.rollouts import current, old_pods_missing, pod_uids, rollout_missing
from harness.errors import HarnessError
from harness.kube.api import Object
from harness.kube.rollout import Rollout, rollout_state
from harness.model.changes import RollingUpdate, substituted


class Roll(Change[RollingUpdate]):
    """See ``harness.model.changes.RollingUpdate``.

    Observed when the rollout of the new generation is complete, the old pods are gone and, where the user gave the new
    version's answer, traffic has got it. With ``until: progress-deadline``, when the Deployment is called failed; the
    old template is then put back, and that rollout awaited.
    """

    def __init__(self, spec: RollingUpdate) -> None:
        super().__init__(spec)
        self._stuck = spec.until == "progress-deadline"
        self.undo_when = UndoWhen.ALWAYS if self._stuck else UndoWhen.NEVER

    def make(self, stage: Stage, number: int) -> Made:
        """Patch the container."""
        deployment = stage.kube.get("Deployment", self.spec.deployment, stage.namespace)
        old = pod_uids(stage, deployment)
        container = {"name": self._container(deployment), **substituted(self.spec.set, number)}
        patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
        made = patch_with_undo(stage, "Deployment", self.spec.deployment, patch, "strategic", number)
        return replace(made, before={"generation": deployment["metadata"].get("generation", 0), "pods": old})

    def missing(self, stage: Stage, made: Made) -> Missing:
        """The rollout, the old pods' end, the new answer; or the deadline."""
        deployment = current(stage, made)
        if self._stuck:
            failed = rollout_state(deployment) is Rollout.DEADLINE_EXCEEDED
            return () if failed else ("the rollout to exceed its progress deadline",)
        return (
            *rollout_missing(deployment, since=made.before["generation"]),
            *old_pods_missing(stage, deployment, made.before["pods"]),
            *self._answer_missing(stage, made),
        )

    def missing_after_undo(self, stage: Stage, made: Made, undone: int) -> Missing:
        """The rollout back to the old template."""
        del undone
        return rollout_missing(current(stage, made), since=made.target["metadata"].get("generation", 0))

    def _answer_missing(self, stage: Stage, made: Made) -> Missing:
        pattern = substituted(self.spec.answer, made.number)
        seen = not pattern or stage.answered(pattern, made.begun)
        return () if seen else (f"an answer like {pattern!r} in the traffic",)

    def _container(self, deployment: Object) -> str:
        containers: list[Any] = [c["name"] for c in deployment["spec"]["template"]["spec"]["containers"]]
        name = self.spec.container or containers[0]
        if name not in containers:
            raise HarnessError(
                f"Deployment {self.spec.deployment} has no container {name}.", hint=f"It has: {', '.join(containers)}"
            )
        return str(name)
