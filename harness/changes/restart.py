"""``kubectl rollout restart`` under traffic: the same template, every pod replaced."""

from __future__ import annotations

from harness.changes.base import Change, Made, Missing, Stage
from harness.changes.rollouts import current, old_pods_missing, pod_uids, rollout_missing
from harness.model.changes import Restart

ANNOTATION = "kubectl.kubernetes.io/restartedAt"


class Replace(Change[Restart]):
    """See ``harness.model.changes.Restart``; observed when the rollout is complete and the old pods are gone."""

    def make(self, stage: Stage, number: int) -> Made:
        """Set the annotation that kubectl sets; there is nothing to undo in pods that were replaced by their like."""
        deployment = stage.kube.get("Deployment", self.spec.deployment, stage.namespace)
        before = {"generation": deployment["metadata"].get("generation", 0), "pods": pod_uids(stage, deployment)}
        begun = stage.clock.now()
        annotations = {ANNOTATION: stage.clock.isoformat(begun)}
        patch = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
        target = stage.kube.patch("Deployment", self.spec.deployment, stage.namespace, patch, strategy="strategic")
        applied = stage.clock.now()
        detail = {"object": f"Deployment/{self.spec.deployment}"}
        return Made(number, begun, applied, target=target, before=before, detail=detail)

    def missing(self, stage: Stage, made: Made) -> Missing:
        """The rollout and the old pods' end."""
        deployment = current(stage, made)
        return (
            *rollout_missing(deployment, since=made.before["generation"]),
            *old_pods_missing(stage, deployment, made.before["pods"]),
        )
