"""``ab-test``: two candidates answer at the same time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, model_validator

from harness.experiment.changes.context import CheckContext
from harness.experiment.changes.schema import ChangeSchema, Text
from harness.experiment.changes.split_rule import check_split
from harness.experiment.changes.versions import check_distinguishable, check_leads_to
from harness.experiment.quantities import Duration, Percent
from harness.experiment.schema import ExperimentPart, Texts, UrlPath, default_of
from harness.kit.located_yaml import Place
from harness.model.changes import AbTest, Criterion
from harness.model.controllers import controller_facts
from harness.model.experiment import Route
from harness.problem_codes import ProblemCode

#: The fields of which one decides the requests of B.
_WAYS = ("header", "cookie", "weight")


class SuccessSchema(ExperimentPart):
    """The criterion for a success of a candidate."""

    latency: Duration = Field(
        default=default_of(Criterion, "latency"),
        description="longest time of an answer that counts as a success; `0s` sets no limit",
    )


class AbTestSchema(ChangeSchema):
    """``ab-test``."""

    ingress: Text = Field(description="the Ingress")
    path: UrlPath = Field(description="the rule that is split")
    service: Text = Field(description="candidate A: the Service that the rule names")
    candidate: Text = Field(description="candidate B's Service")
    header: Annotated[dict[str, str], Field(min_length=1, max_length=1)] | None = Field(
        default=None, description="header of the requests for B, such as `{X-Version: b}`; or `cookie`, or `weight`"
    )
    cookie: Annotated[dict[str, str], Field(min_length=1, max_length=1)] | None = Field(
        default=None, description="cookie of the requests for B, such as `{version: always}`"
    )
    weight: Percent | None = Field(default=None, description="share of B")
    sticky: str = Field(
        default=default_of(AbTest, "sticky"),
        description="cookie by which a session stays with its candidate; only with `weight`",
    )
    a: Texts = Field(description="routes that A must answer; with `weight` those that either may answer")
    b: Texts = Field(default=[], description="routes that B must answer")
    answer: Text = Field(description="body that only B gives")
    hold: Duration = Field(default=default_of(AbTest, "hold"), description="time of the test, from when it was seen")
    success: SuccessSchema = Field(default=SuccessSchema(), description="success of a candidate")

    @model_validator(mode="after")
    def _one_rule(self) -> AbTestSchema:
        given = [name for name in _WAYS if getattr(self, name) is not None]
        if len(given) != 1:
            text = "expected exactly one of header: {X-Version: b}, cookie: {version: always} and weight: 50%"
            raise ValueError(f"{text}; given: {', '.join(given) or 'none'}")
        return self

    def fields(self) -> dict[str, Any]:
        """Return the fields of the record, with the rule as ``by``, ``key``, ``value`` and ``weight``."""
        fields = super().fields()
        by = next(name for name in _WAYS if getattr(self, name) is not None)
        header, cookie, weight = (fields.pop(name) for name in _WAYS)
        ((key, value),) = (header or cookie or {"": ""}).items()
        return {
            **fields,
            "by": by,
            "key": key,
            "value": value,
            "weight": default_of(AbTest, "weight") if weight is None else weight,
            "a": tuple(self.a),
            "b": tuple(self.b),
            "success": Criterion(self.success.latency),
        }


def check(spec: AbTest, place: Place, context: CheckContext) -> None:
    """Require the rule, the Services and the routes of both, and requests that the rule recognises as B's."""
    a, b = context.routes(spec.a, (*place, "a")), context.routes(spec.b, (*place, "b"))
    check_distinguishable([*a, *b], spec.answer, place, context)
    check_leads_to([spec.service], a, (*place, "a"), context)
    check_leads_to([spec.service], b, (*place, "b"), context)
    check_split(spec, spec.candidate, (*place, "candidate"), context)
    add = context.add
    for key in set(spec.a) & set(spec.b):
        message = f"the route {key} is under a and under b"
        hint = "write two routes with this path and different names, one for a and one for b"
        add(ProblemCode.CONFLICT, (*place, "b"), message, hint)
    _check_sticky(spec, a, place, context)
    if spec.by == "weight":
        if spec.b:
            message = "with a weight either may answer each request: all routes belong under a"
            add(ProblemCode.CONFLICT, (*place, "b"), message)
        return
    if not spec.b:
        message = f"b is required: the routes whose requests have the {spec.by} {spec.key}"
        add(ProblemCode.REQUIRED, place, message)
    facts = controller_facts(context.ingress)
    always = facts.cookie_value
    if spec.by == "cookie" and always and spec.value != always:
        hint = f"write cookie: {{{spec.key}: {always}}}, which every controller understands"
        message = f"{facts.title} knows a canary's cookie by the value {always} alone"
        add(ProblemCode.CANNOT_SPLIT, (*place, "cookie"), message, hint)
    for route in (*a, *b):
        if _is_of_b(dict(route.headers), spec) != (route.key in spec.b):
            sends = "does not send" if route.key in spec.b else "sends"
            field = "b" if route.key in spec.b else "a"
            add(ProblemCode.CONFLICT, (*place, field), f"{route.key} {sends} the {spec.by} that leads to B")


def _check_sticky(spec: AbTest, a: list[Route], place: Place, context: CheckContext) -> None:
    if spec.sticky and spec.by != "weight":
        message = f"sticky is about weights; the {spec.by} decides each request by itself"
        context.add(ProblemCode.UNUSED_SETTING, (*place, "sticky"), message)
    if spec.sticky and not any(route.cookie == spec.sticky and route.sessions for route in a):
        hint = f"give a route of a its sessions: {{cookie: {spec.sticky}, sessions: 20}}"
        message = f"no route of a sends the cookie {spec.sticky} back"
        context.add(ProblemCode.UNUSED_SETTING, (*place, "sticky"), message, hint)


def _is_of_b(headers: Mapping[str, str], spec: AbTest) -> bool:
    """Return whether requests with these headers are B's."""
    lower = {name.lower(): value for name, value in headers.items()}
    if spec.by == "header":
        return lower.get(spec.key.lower()) == spec.value
    pairs = [pair.strip() for pair in lower.get("cookie", "").split(";")]
    return f"{spec.key}={spec.value}" in pairs
