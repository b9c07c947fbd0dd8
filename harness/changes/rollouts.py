"""Restarts Deployments, and checks what is missing until a rollout is complete."""

from __future__ import annotations

from harness.changes.applied import AppliedChange
from harness.changes.context import ChangeContext, Missing
from harness.changes.pods import names, pods_of, uid
from harness.kube.api import Object
from harness.kube.rollout import STATUS_OF, Rollout, rollout_status
from harness.model.events import Applied

#: The annotation that ``kubectl rollout restart`` sets.
ANNOTATION = "kubectl.kubernetes.io/restartedAt"


def restart(context: ChangeContext, name: str) -> AppliedChange:
    """Restart a Deployment as kubectl does. It has no undo: the new pods equal the old ones.

    Raises:
        KubeError: There is no such Deployment, or the server refuses the patch.
    """
    deployment = context.kube.get("Deployment", name, context.namespace)
    before = {"generation": deployment["metadata"].get("generation", 0), "pods": pod_uids(context, deployment)}
    begun = context.clock.now()
    patch = {"spec": {"template": {"metadata": {"annotations": {ANNOTATION: context.clock.isoformat(begun)}}}}}
    target = context.kube.patch("Deployment", name, context.namespace, patch, strategy="strategic")
    detail = Applied(object=f"Deployment/{name}")
    return AppliedChange(begun, context.clock.now(), target=target, before=before, detail=detail)


def pod_uids(context: ChangeContext, deployment: Object) -> frozenset[str]:
    """Return the uids of a Deployment's pods, to distinguish old from new ones later."""
    return frozenset(uid(pod) for pod in pods_of(context.kube, deployment, context.namespace))


def current(context: ChangeContext, applied: AppliedChange) -> Object:
    """Return the changed Deployment as it is now."""
    return context.kube.get("Deployment", applied.target["metadata"]["name"], context.namespace)


def replaced_missing(context: ChangeContext, applied: AppliedChange) -> Missing:
    """Return what is missing until the rollout is complete and the pods from before are gone.

    Args:
        context: Context of the change.
        applied: The change, with ``generation`` and ``pods`` from before it.
    """
    deployment = current(context, applied)
    return (
        *rollout_missing(deployment, since=applied.before["generation"]),
        *old_pods_missing(context, deployment, applied.before["pods"]),
    )


def rollout_missing(deployment: Object, *, since: int) -> Missing:
    """Return what is missing until a rollout newer than generation ``since`` is complete."""
    status = rollout_status(deployment)
    if deployment["metadata"].get("generation", 0) <= since:
        return (f"a generation of the Deployment after {since}",)
    return () if status.state is Rollout.COMPLETE else (f"the rollout: {status.missing}",)


def workload_missing(context: ChangeContext) -> Missing:
    """Return what is missing until the rollout of everything in the workload that runs pods is complete."""
    found = (
        (each["metadata"]["name"], status(each))
        for kind, status in STATUS_OF.items()
        for each in context.kube.list(kind, context.namespace)
    )
    return tuple(
        f"the pods of {name}: {status.missing}" for name, status in found if status.state is not Rollout.COMPLETE
    )


def old_pods_missing(context: ChangeContext, deployment: Object, old: frozenset[str]) -> Missing:
    """Return the old pods that still exist, as text."""
    left = [pod for pod in pods_of(context.kube, deployment, context.namespace) if uid(pod) in old]
    return (f"the end of the old pods ({names(left)})",) if left else ()
