"""The releases of an Experiment file as pydantic models: blue-green, canary, A/B test, and every change by its word.

The file says them shorter than their records do: a retirement may be a name alone, a step its share alone.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from harness.experiment.quantities import Duration, Percent
from harness.experiment.schema import PLAIN_PARTS, ChangePart, NamedPart, Part, Texts
from harness.model.changes import Criterion, Retire, Start, Step

#: The name of an object, or the key of a route.
Text = Annotated[str, Field(min_length=1)]


def _named(value: Any) -> Any:
    return {"deployment": value} if isinstance(value, str) else value


def _weighed(value: Any) -> Any:
    return {"weight": value} if isinstance(value, str) else value


class RetirePart(Part):
    """The old version's end."""

    deployment: Text
    after: Duration = 0.0

    def record(self) -> Retire:
        """As a record."""
        return Retire(self.deployment, self.after)


class StartPart(Part):
    """The new version's beginning."""

    deployment: Text
    replicas: Annotated[int, Field(ge=1, le=1000)] = 1
    wait: bool = True

    def record(self) -> Start:
        """As a record."""
        return Start(self.deployment, self.replicas, self.wait)


#: A Deployment's name, or a map with more of it.
Retirement = Annotated[RetirePart, BeforeValidator(_named)]
Beginning = Annotated[StartPart, BeforeValidator(_named)]


class BlueGreenPart(ChangePart):
    """``blue-green``."""

    service: Text
    selector: Annotated[dict[str, str], Field(min_length=1)]
    public: Texts
    private: Texts = Field(default=[])
    answer: Text
    grace: Duration = 5.0
    start: Beginning | None = None
    retire: Retirement | None = None
    back: Duration = 0.0

    def fields(self) -> dict[str, Any]:
        """Keys of routes as tuples, parts as records."""
        return {
            **super().fields(),
            "public": tuple(self.public),
            "private": tuple(self.private),
            "start": self.start.record() if self.start else None,
            "retire": self.retire.record() if self.retire else None,
        }


class StepPart(Part):
    """One step of a canary."""

    weight: Percent
    hold: Duration | None = None


class CanaryPart(ChangePart):
    """``canary``."""

    ingress: Text
    path: Annotated[str, Field(pattern=r"^/\S*$")]
    service: Text
    canary: Text
    route: Text
    answer: Text
    steps: Annotated[list[Annotated[StepPart, BeforeValidator(_weighed)]], Field(min_length=1, max_length=100)]
    hold: Duration = 5.0
    rollback: bool = True
    retire: Retirement | None = None

    def fields(self) -> dict[str, Any]:
        """Each step with its hold."""
        fields = super().fields()
        hold = fields.pop("hold")
        steps = tuple(Step(step.weight, hold if step.hold is None else step.hold) for step in self.steps)
        return {**fields, "steps": steps, "retire": self.retire.record() if self.retire else None}


class SuccessPart(Part):
    """What counts as a success of a candidate."""

    latency: Duration = 0.0


class AbTestPart(ChangePart):
    """``ab-test``."""

    ingress: Text
    path: Annotated[str, Field(pattern=r"^/\S*$")]
    service: Text
    candidate: Text
    header: Annotated[dict[str, str], Field(min_length=1, max_length=1)] | None = None
    cookie: Annotated[dict[str, str], Field(min_length=1, max_length=1)] | None = None
    weight: Percent | None = None
    sticky: str = ""
    a: Texts
    b: Texts = Field(default=[])
    answer: Text
    hold: Duration = 5.0
    success: SuccessPart = SuccessPart()

    @model_validator(mode="after")
    def _one_rule(self) -> AbTestPart:
        given = [name for name in ("header", "cookie", "weight") if getattr(self, name) is not None]
        if len(given) != 1:
            text = "expected exactly one of header: {X-Version: b}, cookie: {version: always} and weight: 50%"
            raise ValueError(f"{text}; there are {', '.join(given) or 'none'}")
        return self

    def fields(self) -> dict[str, Any]:
        """The rule in the record's words."""
        fields = super().fields()
        by = next(name for name in ("header", "cookie", "weight") if getattr(self, name) is not None)
        header, cookie, weight = (fields.pop(name) for name in ("header", "cookie", "weight"))
        ((key, value),) = (header or cookie or {"": ""}).items()
        return {
            **fields,
            "by": by,
            "key": key,
            "value": value,
            "weight": weight if weight is not None else 50,
            "a": tuple(self.a),
            "b": tuple(self.b),
            "success": Criterion(self.success.latency),
        }


class ControllerRestartPart(ChangePart):
    """``controller-restart``."""


#: The model of each change, by the word used in the file.
CHANGE_PARTS: dict[str, type[NamedPart]] = {
    **PLAIN_PARTS,
    "blue-green": BlueGreenPart,
    "canary": CanaryPart,
    "ab-test": AbTestPart,
    "controller-restart": ControllerRestartPart,
}
