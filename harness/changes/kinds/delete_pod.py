"""The deletion of a pod, which its Deployment must replace."""

from __future__ import annotations

from harness.changes.applied import AppliedChange
from harness.changes.context import Missing
from harness.changes.pods import is_ready, pods_of, uid
from harness.changes.repetition import Repetition
from harness.changes.rollouts import current
from harness.errors import HarnessError
from harness.kube.api import Object
from harness.model.changes import DeletePod
from harness.model.events import Applied


def carry_out(repetition: Repetition[DeletePod]) -> bool:
    """Delete the first ready pod by name. Observed when it is gone and the replicas are ready, including a new pod."""
    spec, context = repetition.spec, repetition.context

    def make() -> AppliedChange:
        deployment = context.kube.get("Deployment", spec.deployment, context.namespace)
        pods = pods_of(context.kube, deployment, context.namespace)
        victim = _victim(pods, spec.deployment)
        before = {"victim": uid(victim), "pods": frozenset(uid(pod) for pod in pods)}
        name = victim["metadata"]["name"]
        begun = context.clock.now()
        context.kube.delete("Pod", name, context.namespace, grace=0 if spec.force else None)
        detail = Applied(object=f"Pod/{name}", force=spec.force)
        return AppliedChange(begun, context.clock.now(), target=deployment, before=before, detail=detail)

    def missing(applied: AppliedChange) -> Missing:
        deployment = current(context, applied)
        pods = pods_of(context.kube, deployment, context.namespace)
        ready = [pod for pod in pods if is_ready(pod)]
        wanted = deployment["spec"].get("replicas", 1)
        found = []
        if any(uid(pod) == applied.before["victim"] for pod in pods):
            found.append("the end of the deleted pod")
        if all(uid(pod) in applied.before["pods"] for pod in ready):
            found.append("a replacement that is ready")
        if len(ready) < wanted:
            found.append(f"{wanted} ready pods ({len(ready)} are)")
        return tuple(found)

    return repetition.act(make, missing)


def _victim(pods: list[Object], deployment: str) -> Object:
    ready = sorted((pod for pod in pods if is_ready(pod)), key=lambda pod: str(pod["metadata"]["name"]))
    if not ready:
        raise HarnessError(f"Deployment {deployment} has no ready pod to delete.")
    return ready[0]
