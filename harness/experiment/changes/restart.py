"""``restart``: every pod of a Deployment, a StatefulSet or a DaemonSet is replaced."""

from __future__ import annotations

from harness.experiment.changes.context import CheckContext
from harness.experiment.changes.schema import RolloutSchema
from harness.kit.located_yaml import Place
from harness.model.changes import Restart


class RestartSchema(RolloutSchema):
    """``restart``."""


def check(spec: Restart, place: Place, context: CheckContext) -> None:
    """Require an object that has pods and replaces them."""
    if context.can_roll_out(spec, place):
        context.asks_for_pods(spec.target_name, (*place, spec.target.field), spec.target.value)
