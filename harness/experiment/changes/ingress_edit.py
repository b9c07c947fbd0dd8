"""``ingress-edit``: other annotations or another spec of an Ingress."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from harness.experiment.changes.context import CheckContext
from harness.experiment.changes.schema import ChangeSchema
from harness.experiment.schema import default_of
from harness.kit.located_yaml import Place
from harness.kube.nested import at
from harness.model.changes import IngressEdit
from harness.problem_codes import ProblemCode


class IngressEditSchema(ChangeSchema):
    """``ingress-edit``."""

    ingress: str = Field(description="the Ingress")
    annotations: dict[str, str] = Field(
        default=default_of(IngressEdit, "annotations"), description="annotations that are set"
    )
    patch: dict[str, Any] = Field(
        default=default_of(IngressEdit, "patch"), description="a JSON merge patch of the object"
    )


def check(spec: IngressEdit, place: Place, context: CheckContext) -> None:
    """Require the Ingress, and an edit that changes something."""
    if not spec.annotations and not spec.patch:
        context.add(ProblemCode.REQUIRED, place, "an Ingress edit must set annotations or a patch")
    if not context.has("Ingress", spec.ingress, (*place, "ingress")):
        return
    present = at(context.objects.find("Ingress", spec.ingress), "metadata", "annotations") or {}
    if spec.annotations and not spec.patch and spec.annotations.items() <= present.items():
        message = f"Ingress {spec.ingress} has these annotations already"
        context.add(ProblemCode.NO_EFFECT, (*place, "annotations"), message)
