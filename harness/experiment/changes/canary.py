"""``canary``: a growing share of the requests goes to the new version."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from harness.experiment.changes.context import CheckContext
from harness.experiment.changes.schema import ChangeSchema, Retirement, Text
from harness.experiment.changes.split_rule import check_split
from harness.experiment.changes.versions import check_distinguishable, check_leads_to
from harness.experiment.quantities import Duration, Percent
from harness.experiment.schema import ExperimentPart, UrlPath, default_of
from harness.kit.located_yaml import Place
from harness.model.changes import Canary, Step
from harness.problem_codes import ProblemCode


def _weighed(value: Any) -> Any:
    return {"weight": value} if isinstance(value, str) else value


class StepSchema(ExperimentPart):
    """One step of a canary."""

    weight: Percent = Field(description="share of the new version")
    hold: Duration | None = Field(default=None, description="time of this step; by default that of the change")


class CanarySchema(ChangeSchema):
    """``canary``."""

    ingress: Text = Field(description="the Ingress")
    path: UrlPath = Field(description="the rule that is split")
    service: Text = Field(description="the Service that the rule names")
    canary: Text = Field(description="the new version's Service")
    route: Text = Field(description="route whose answers are counted")
    answer: Text = Field(description="body that only the new version gives")
    steps: Annotated[
        list[Annotated[StepSchema, BeforeValidator(_weighed, json_schema_input_type=Percent | StepSchema)]],
        Field(min_length=1, max_length=100, description="shares in their order: `10%`, or `{weight: 10%, hold: 5s}`"),
    ]
    hold: Duration = Field(
        default=default_of(Step, "hold"),
        description="time of each step that has no `hold` of its own, from when the step was seen",
    )
    rollback: bool = Field(
        default=default_of(Canary, "rollback"),
        description="end at a step that loses requests, and send all requests back",
    )
    retire: Retirement | None = Field(
        default=None, description="Deployment that is scaled to nothing after: a name, or `{deployment, after}`"
    )

    def fields(self) -> dict[str, Any]:
        """Return each step with its hold."""
        fields = super().fields()
        hold = fields.pop("hold")
        steps = tuple(Step(step.weight, hold if step.hold is None else step.hold) for step in self.steps)
        return {**fields, "steps": steps, "retire": self.retire.record() if self.retire else None}


def check(spec: Canary, place: Place, context: CheckContext) -> None:
    """Require the rule, the Services and the route, and a change at each step."""
    routes = context.routes([spec.route], (*place, "route"))
    check_distinguishable(routes, spec.answer, place, context)
    check_leads_to([spec.service], routes, (*place, "route"), context)
    check_split(spec, spec.canary, (*place, "canary"), context)
    behind = context.objects.deployments_with(context.objects.selector(spec.canary))
    retired = spec.retire.deployment if spec.retire else ""
    if retired and context.has("Deployment", retired, (*place, "retire")) and retired in behind:
        context.add(ProblemCode.NEW_VERSION_RETIRED, (*place, "retire"), f"Deployment {retired} is the new version")
    weights = [step.weight for step in spec.steps]
    for index, (before, weight) in enumerate(pairwise(weights), 1):
        if weight == before:
            message = f"this step has {weight}%, as the step before it: nothing would change"
            context.add(ProblemCode.NO_EFFECT, (*place, "steps", index), message)
