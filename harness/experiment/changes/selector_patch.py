"""``selector-patch``: a Service is pointed at other pods."""

from __future__ import annotations

from pydantic import Field

from harness.experiment.changes.context import CheckContext
from harness.experiment.changes.new_selector import NewLabels, check_selector
from harness.experiment.changes.schema import ChangeSchema
from harness.experiment.quantities import Duration
from harness.experiment.schema import default_of
from harness.kit.located_yaml import Place
from harness.model.changes import SelectorPatch
from harness.problem_codes import ProblemCode


class SelectorPatchSchema(ChangeSchema):
    """``selector-patch``."""

    service: str = Field(description="the Service")
    selector: NewLabels
    answer: str = Field(
        default=default_of(SelectorPatch, "answer"),
        description="body that only the new backend gives; empty if no pod answers",
    )
    hold: Duration = Field(
        default=default_of(SelectorPatch, "hold"),
        description="time until the selector is patched back; `0s` leaves it until the end of the trial",
    )


def check(spec: SelectorPatch, place: Place, context: CheckContext) -> None:
    """Require the Service, another selector, and pods that can give the answer."""
    if not context.has("Service", spec.service, (*place, "service")):
        return
    after = check_selector(spec, place, context)
    if spec.answer and after and not context.objects.deployments_with(after):
        selector = ",".join(f"{key}={value}" for key, value in after.items())
        message = f"no pod can give this answer: no Deployment's pods have the labels {selector}"
        context.add(ProblemCode.ANSWER_IMPOSSIBLE, (*place, "answer"), message)
