"""``restart``: every pod of a Deployment, a StatefulSet or a DaemonSet is replaced."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from harness.experiment.changes.context import CheckContext
from harness.experiment.changes.schema import ONE_OBJECT, ChangeSchema
from harness.experiment.schema import default_of
from harness.kit.located_yaml import Place
from harness.model.changes import Restart


class RestartSchema(ChangeSchema):
    """``restart``."""

    model_config = ConfigDict(json_schema_extra=ONE_OBJECT)

    deployment: str = Field(default=default_of(Restart, "deployment"), description="the Deployment")
    statefulset: str = Field(
        default=default_of(Restart, "statefulset"), description="the StatefulSet, on `kind` and `context`"
    )
    daemonset: str = Field(
        default=default_of(Restart, "daemonset"), description="the DaemonSet, on `kind` and `context`"
    )


def check(spec: Restart, place: Place, context: CheckContext) -> None:
    """Require an object that has pods and replaces them."""
    if context.can_roll_out(spec, place):
        context.asks_for_pods(spec.target_name, (*place, spec.target.field), spec.target.value)
