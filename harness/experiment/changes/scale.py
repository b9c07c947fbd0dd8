"""``scale``: another number of replicas."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harness.experiment.changes.context import CheckContext
from harness.experiment.changes.schema import ChangeSchema
from harness.kit.located_yaml import Place
from harness.model.changes import Scale
from harness.problem_codes import ProblemCode


class ScaleSchema(ChangeSchema):
    """``scale``."""

    deployment: str = Field(description="the Deployment")
    replicas: Annotated[int, Field(ge=0, description="number of pods")]


def check(spec: Scale, place: Place, context: CheckContext) -> None:
    """Require the Deployment, with another number of replicas."""
    there = context.has("Deployment", spec.deployment, (*place, "deployment"))
    if there and context.objects.replicas(spec.deployment) == spec.replicas:
        count = "1 replica" if spec.replicas == 1 else f"{spec.replicas} replicas"
        message = f"Deployment {spec.deployment} has {count} already: nothing would change"
        context.add(ProblemCode.NO_EFFECT, (*place, "replicas"), message)
