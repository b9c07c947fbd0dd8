"""A drain of a node, as before its maintenance."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from harness.changes.applied import AppliedChange, patch_with_undo
from harness.changes.context import ChangeContext, Missing
from harness.changes.evictions import Evictions
from harness.changes.pods import is_leaving, names, uid
from harness.changes.repetition import Repetition
from harness.changes.rollouts import workload_missing
from harness.errors import HarnessError
from harness.kube.api import Object, Objects
from harness.model.changes import Drain


def carry_out(repetition: Repetition[Drain]) -> bool:
    """Cordon the node and evict the workload's pods on it; uncordon it when they are gone.

    The drain is observed when none of these pods is left. Its undo, which is part of it, is observed when every
    Deployment, StatefulSet and DaemonSet of the workload has completed its rollout.
    """
    repetition = repetition.longer(repetition.spec.within)
    context = repetition.context
    node = repetition.spec.node or _busiest(context)
    pods = _pods_on(context, node)
    if not pods:
        raise HarnessError(
            f"Node {node} runs no pod of the workload that a drain evicts.",
            hint="name another node, or leave `node` out to drain the one with most of these pods",
        )
    evictions, evicted = Evictions(context, pods), frozenset(map(uid, pods))

    def make() -> AppliedChange:
        return patch_with_undo(replace(context, namespace=""), "Node", node, {"spec": {"unschedulable": True}}, "merge")

    def missing(_applied: AppliedChange) -> Missing:
        evictions.request()
        left = [pod for pod in _pods_on(context, node, leaving=True) if uid(pod) in evicted]
        return (*evictions.missing(), *((f"the end of the pods on node {node} ({names(left)})",) if left else ()))

    def missing_after_undo(_applied: AppliedChange, _begun: int) -> Missing:
        return workload_missing(context)

    return repetition.act(make, missing, missing_after_undo)


def _busiest(context: ChangeContext) -> str:
    """Return the node with most pods that a drain evicts; the first by name if several have as many."""
    nodes = (str(pod["spec"].get("nodeName", "")) for pod in _replaceable(context))
    counted = Counter(node for node in nodes if node)
    if not counted:
        raise HarnessError(
            "No node runs a pod of the workload that a drain evicts.",
            hint="a drain evicts only pods of a controller other than a DaemonSet: see kubectl get pods",
        )
    return min(counted, key=lambda node: (-counted[node], node))


def _pods_on(context: ChangeContext, node: str, *, leaving: bool = False) -> Objects:
    """Return the workload's pods on a node that a drain evicts; those that are being deleted only if ``leaving``."""
    found = [pod for pod in _replaceable(context) if pod["spec"].get("nodeName") == node]
    return [pod for pod in found if leaving or not is_leaving(pod)]


def _replaceable(context: ChangeContext) -> Objects:
    """Return the workload's pods that kubectl evicts: those with a controller other than a DaemonSet."""
    return [pod for pod in context.kube.list("Pod", context.namespace) if _controller(pod) not in {"", "DaemonSet"}]


def _controller(pod: Object) -> str:
    owners = pod["metadata"].get("ownerReferences") or ()
    return next((str(owner.get("kind")) for owner in owners if owner.get("controller")), "")
