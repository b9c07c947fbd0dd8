"""A restart, as by ``kubectl rollout restart``: every pod of an object is replaced by one of the same template."""

from __future__ import annotations

from harness.changes.repetition import Repetition
from harness.changes.rollouts import replaced_missing, restart
from harness.model.changes import Restart


def carry_out(repetition: Repetition[Restart]) -> bool:
    """Restart the object. Observed when the rollout is complete and the old pods are gone."""
    context, spec = repetition.context, repetition.spec
    return repetition.act(
        lambda: restart(context, spec.target_name, spec.target.value),
        lambda applied: replaced_missing(context, applied),
    )
