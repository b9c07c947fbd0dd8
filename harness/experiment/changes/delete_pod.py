"""``delete-pod``: one pod of a Deployment is deleted."""

from __future__ import annotations

from pydantic import Field

from harness.experiment.changes.context import CheckContext
from harness.experiment.changes.schema import ChangeSchema
from harness.experiment.schema import default_of
from harness.kit.located_yaml import Place
from harness.model.changes import DeletePod


class DeletePodSchema(ChangeSchema):
    """``delete-pod``."""

    deployment: str = Field(description="the Deployment whose pod")
    force: bool = Field(
        default=default_of(DeletePod, "force"), description="no grace period, as `kubectl delete --force`"
    )


def check(spec: DeletePod, place: Place, context: CheckContext) -> None:
    """Require a Deployment that has pods."""
    context.has_pods(spec.deployment, (*place, "deployment"))
