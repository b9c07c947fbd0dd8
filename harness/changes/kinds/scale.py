"""A change of a Deployment's number of replicas."""

from __future__ import annotations

from dataclasses import replace

from harness.changes.applied import AppliedChange, patch_target
from harness.changes.context import Missing
from harness.changes.pods import pods_of
from harness.changes.repetition import Repetition
from harness.changes.rollouts import current, rollout_missing
from harness.kube.api import Object
from harness.model.changes import Scale


def carry_out(repetition: Repetition[Scale]) -> bool:
    """Patch the number of replicas. Observed when exactly that many pods exist and all are available."""
    spec, context = repetition.spec, repetition.context

    def make() -> AppliedChange:
        applied = patch_target(context, spec, repetition.number)
        original: Object = applied.before.get("object", applied.target)
        before = {
            "generation": original["metadata"].get("generation", 0),
            "replicas": original["spec"].get("replicas", 1),
        }
        return replace(applied, before=before)

    def settled(applied: AppliedChange, since: int, replicas: int) -> Missing:
        deployment = current(context, applied)
        there = len(pods_of(context.kube, deployment, context.namespace))
        count = () if there == replicas else (f"{replicas} pods ({there} exist)",)
        return (*rollout_missing(deployment, since=since), *count)

    return repetition.act(
        make,
        lambda applied: settled(applied, applied.before["generation"], spec.replicas),
        lambda applied, _begun: settled(
            applied, applied.target["metadata"].get("generation", 0), applied.before["replicas"]
        ),
    )
