"""``restart``: every pod of a Deployment is replaced."""

from __future__ import annotations

from pydantic import Field

from harness.experiment.changes.context import CheckContext
from harness.experiment.changes.schema import ChangeSchema
from harness.kit.located_yaml import Place
from harness.model.changes import Restart


class RestartSchema(ChangeSchema):
    """``restart``."""

    deployment: str = Field(description="the Deployment")


def check(spec: Restart, place: Place, context: CheckContext) -> None:
    """Require a Deployment that has pods."""
    context.has_pods(spec.deployment, (*place, "deployment"))
