"""Evictions of a Deployment's pods, which a PodDisruptionBudget may delay."""

from __future__ import annotations

from harness.changes.applied import AppliedChange
from harness.changes.context import Missing
from harness.changes.evictions import Evictions
from harness.changes.pods import first_ready, is_leaving, pods_of, uid
from harness.changes.repetition import Repetition
from harness.changes.replacing import replacement_missing
from harness.kube.api import Objects
from harness.model.changes import Evict
from harness.model.events import Applied


def carry_out(repetition: Repetition[Evict]) -> bool:
    """Evict the pods, each as soon as its budget allows it. Observed when they are replaced."""
    repetition = repetition.longer(repetition.spec.within)
    spec, context = repetition.spec, repetition.context
    deployment = context.kube.get("Deployment", spec.deployment, context.namespace)
    pods = [pod for pod in pods_of(context.kube, deployment, context.namespace) if not is_leaving(pod)]
    first = first_ready(pods, spec.deployment)
    chosen: Objects = pods if spec.pods == "all" else [first]
    evictions = Evictions(context, chosen)

    def make() -> AppliedChange:
        evictions.first(spec.within)
        before = {"removed": frozenset(map(uid, chosen)), "pods": frozenset(map(uid, pods))}
        detail = Applied(object=f"Pod/{evictions.evicted[0]}")
        return AppliedChange(evictions.begun, context.clock.now(), target=deployment, before=before, detail=detail)

    def missing(applied: AppliedChange) -> Missing:
        evictions.request()
        return (*evictions.missing(), *replacement_missing(context, applied))

    return repetition.act(make, missing)
