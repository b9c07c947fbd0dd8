"""Checks what is missing until the pods that a change has removed are replaced."""

from __future__ import annotations

from harness.changes.applied import AppliedChange
from harness.changes.context import ChangeContext, Missing
from harness.changes.pods import is_ready, names, pods_of, uid
from harness.changes.rollouts import current


def replacement_missing(context: ChangeContext, applied: AppliedChange) -> Missing:
    """Return what is missing until removed pods are gone, and every replica is ready, one of them a new pod at least.

    Args:
        context: Context of the change.
        applied: The change, with the uids of the Deployment's ``pods`` before it, and of the ``removed`` ones.
    """
    deployment = current(context, applied)
    pods = pods_of(context.kube, deployment, context.namespace)
    ready = [pod for pod in pods if is_ready(pod)]
    wanted = deployment["spec"].get("replicas", 1)
    left = [pod for pod in pods if uid(pod) in applied.before["removed"]]
    found = []
    if left:
        found.append(f"the end of {names(left)}")
    if all(uid(pod) in applied.before["pods"] for pod in ready):
        found.append("a replacement that is ready")
    if len(ready) < wanted:
        found.append(f"{wanted} ready pods ({len(ready)} are)")
    return tuple(found)
