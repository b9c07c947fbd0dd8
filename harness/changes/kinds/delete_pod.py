"""The deletion of a pod, which its Deployment must replace."""

from __future__ import annotations

from harness.changes.applied import AppliedChange
from harness.changes.pods import first_ready, pods_of, uid
from harness.changes.repetition import Repetition
from harness.changes.replacing import replacement_missing
from harness.model.changes import DeletePod
from harness.model.events import Applied


def carry_out(repetition: Repetition[DeletePod]) -> bool:
    """Delete the first ready pod by name. Observed when it is gone and the replicas are ready, including a new pod."""
    spec, context = repetition.spec, repetition.context

    def make() -> AppliedChange:
        deployment = context.kube.get("Deployment", spec.deployment, context.namespace)
        pods = pods_of(context.kube, deployment, context.namespace)
        victim = first_ready(pods, spec.deployment)
        before = {"removed": frozenset({uid(victim)}), "pods": frozenset(uid(pod) for pod in pods)}
        name = victim["metadata"]["name"]
        begun = context.clock.now()
        context.kube.delete("Pod", name, context.namespace, grace=0 if spec.force else None)
        detail = Applied(object=f"Pod/{name}", force=spec.force)
        return AppliedChange(begun, context.clock.now(), target=deployment, before=before, detail=detail)

    return repetition.act(make, lambda applied: replacement_missing(context, applied))
