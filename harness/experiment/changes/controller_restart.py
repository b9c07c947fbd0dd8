"""``controller-restart``: a rolling update of the ingress controller itself."""

from __future__ import annotations

from harness.experiment.changes.context import CheckContext
from harness.experiment.changes.schema import ChangeSchema
from harness.kit.located_yaml import Place
from harness.model.changes import ControllerRestart


class ControllerRestartSchema(ChangeSchema):
    """``controller-restart``."""


def check(spec: ControllerRestart, place: Place, context: CheckContext) -> None:
    """Accept it: it names nothing of the workload."""
    del spec, place, context
