"""A restart of a Deployment, as by ``kubectl rollout restart``: every pod is replaced by one of the same template."""

from __future__ import annotations

from harness.changes.repetition import Repetition
from harness.changes.rollouts import replaced_missing, restart
from harness.model.changes import Restart


def carry_out(repetition: Repetition[Restart]) -> bool:
    """Restart the Deployment. Observed when the rollout is complete and the old pods are gone."""
    context = repetition.context
    return repetition.act(
        lambda: restart(context, repetition.spec.deployment), lambda applied: replaced_missing(context, applied)
    )
