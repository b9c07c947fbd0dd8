"""Restarts what runs pods, and checks what is missing until a rollout is complete."""

from __future__ import annotations

from harness.changes.applied import AppliedChange
from harness.changes.context import ChangeContext, Missing
from harness.changes.pods import names, pods_of, uid
from harness.kube.api import Object
from harness.kube.blockers import blockers
from harness.kube.rollout import STATUS_OF, Rollout
from harness.model.events import Applied

#: The annotation that ``kubectl rollout restart`` sets.
ANNOTATION = "kubectl.kubernetes.io/restartedAt"


def restart(context: ChangeContext, name: str, kind: str = "Deployment") -> AppliedChange:
    """Restart a Deployment, a StatefulSet or a DaemonSet as kubectl does.

    It has no undo: the new pods equal the old ones.

    Raises:
        KubeError: There is no such object, or the server refuses the patch.
    """
    found = context.kube.get(kind, name, context.namespace)
    before = {"generation": found["metadata"].get("generation", 0), "pods": pod_uids(context, found)}
    begun = context.clock.now()
    patch = {"spec": {"template": {"metadata": {"annotations": {ANNOTATION: context.clock.isoformat(begun)}}}}}
    target = context.kube.patch(kind, name, context.namespace, patch, strategy="strategic")
    detail = Applied(object=f"{kind}/{name}")
    return AppliedChange(begun, context.clock.now(), target=target, before=before, detail=detail)


def pod_uids(context: ChangeContext, target: Object) -> frozenset[str]:
    """Return the uids of the pods that a rollout will replace, to distinguish old from new ones later."""
    pods = pods_of(context.kube, target, context.namespace)
    return frozenset(uid(pod) for pod in pods if is_replaced(pod, target))


def current(context: ChangeContext, applied: AppliedChange) -> Object:
    """Return the changed object as it is now."""
    return context.kube.get(_kind_of(applied.target), applied.target["metadata"]["name"], context.namespace)


def _kind_of(target: Object) -> str:
    return str(target.get("kind") or "Deployment")


def replaced_missing(context: ChangeContext, applied: AppliedChange) -> Missing:
    """Return what is missing until the rollout is complete and the pods from before are gone.

    Args:
        context: Context of the change.
        applied: The change, with ``generation`` and ``pods`` from before it.
    """
    target = current(context, applied)
    missing = rollout_missing(target, since=applied.before["generation"])
    return (
        *missing,
        *(_reasons(context, target) if missing else ()),
        *old_pods_missing(context, target, applied.before["pods"]),
    )


def rollout_missing(target: Object, *, since: int) -> Missing:
    """Return what is missing until the rollout of a generation after ``since`` is complete."""
    kind = _kind_of(target)
    status = STATUS_OF[kind](target)
    if target["metadata"].get("generation", 0) <= since:
        return (f"a generation of the {kind} after {since}",)
    return () if status.state is Rollout.COMPLETE else (f"the rollout: {status.missing}",)


def is_replaced(pod: Object, target: Object) -> bool:
    """Return True if a rollout replaces a pod: a StatefulSet keeps its first ones, as many as its partition says."""
    first = (target["spec"].get("ordinals") or {}).get("start") or 0
    rolling = (target["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}
    partition = rolling.get("partition") or 0
    number = str(pod["metadata"]["name"]).rpartition("-")[2]
    return _kind_of(target) != "StatefulSet" or not number.isdigit() or int(number) - first >= partition


def _reasons(context: ChangeContext, target: Object) -> Missing:
    """Return why pods of a StatefulSet or DaemonSet are not ready, as far as their status says so.

    A Deployment has the reason in its own status.
    """
    if _kind_of(target) == "Deployment":
        return ()
    pods = pods_of(context.kube, target, context.namespace)
    return tuple(dict.fromkeys(found.sentence for found in blockers(pods, [target])))


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


def old_pods_missing(context: ChangeContext, target: Object, old: frozenset[str]) -> Missing:
    """Return the old pods that still exist, as text."""
    left = [pod for pod in pods_of(context.kube, target, context.namespace) if uid(pod) in old]
    return (f"the end of the old pods ({names(left)})",) if left else ()
