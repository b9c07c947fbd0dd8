"""``blue-green``: all public requests go from one version to another at once."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from harness.experiment.changes.context import CheckContext
from harness.experiment.changes.new_selector import NewLabels, check_selector
from harness.experiment.changes.schema import Beginning, ChangeSchema, Retirement, Text
from harness.experiment.changes.versions import check_answer, check_distinguishable, check_leads_to
from harness.experiment.quantities import Duration
from harness.experiment.schema import Texts, default_of
from harness.kit.located_yaml import Place
from harness.model.changes import BlueGreen
from harness.problem_codes import ProblemCode


class BlueGreenSchema(ChangeSchema):
    """``blue-green``."""

    service: Text = Field(description="the public Service, whose selector is switched")
    selector: NewLabels
    public: Texts = Field(description="routes that the public uses")
    private: Texts = Field(default=[], description="routes that reach the new version before")
    answer: Text = Field(description="body that only the new version gives")
    grace: Duration = Field(
        default=default_of(BlueGreen, "grace"),
        description="time in which the old version may still answer, from when the switch was seen",
    )
    start: Beginning | None = Field(
        default=None, description="Deployment that is brought up before: a name, or `{deployment, replicas, wait}`"
    )
    retire: Retirement | None = Field(
        default=None, description="Deployment that is scaled to nothing after: a name, or `{deployment, after}`"
    )
    back: Duration = Field(
        default=default_of(BlueGreen, "back"), description="time until the switch back; `0s` leaves the new version"
    )

    def fields(self) -> dict[str, Any]:
        """Return keys of routes as tuples, and parts as records."""
        return {
            **super().fields(),
            "public": tuple(self.public),
            "private": tuple(self.private),
            "start": self.start.record() if self.start else None,
            "retire": self.retire.record() if self.retire else None,
        }


def check(spec: BlueGreen, place: Place, context: CheckContext) -> None:
    """Require the Service, the Deployments, the routes, and versions that differ."""
    for field, deployment in (("retire", spec.retire), ("start", spec.start)):
        if deployment is not None:
            context.has("Deployment", deployment.deployment, (*place, field))
    public = context.routes(spec.public, (*place, "public"))
    check_distinguishable(public, spec.answer, place, context)
    if not context.has("Service", spec.service, (*place, "service")):
        return
    after = check_selector(spec, place, context)
    check_leads_to([spec.service], public, (*place, "public"), context)
    _check_private(spec, place, context)
    behind = context.objects.deployments_with(after)
    check_answer(spec.answer, behind, (*place, "answer"), context)
    if spec.retire and spec.retire.deployment in behind:
        message = f"Deployment {spec.retire.deployment} is the new version"
        context.add(ProblemCode.NEW_VERSION_RETIRED, (*place, "retire"), message)


def _check_private(spec: BlueGreen, place: Place, context: CheckContext) -> None:
    for route in context.routes(spec.private, (*place, "private")):
        if route.key in spec.public or context.service_of(route) == spec.service:
            message = f"{route.key} leads to Service {spec.service}, as the public does: it is not private"
            context.add(ProblemCode.WRONG_SERVICE, (*place, "private"), message)
