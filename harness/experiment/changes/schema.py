"""The common part of the schemas of changes; each kind adds its own fields in a module of its own."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from harness.experiment.quantities import Duration
from harness.experiment.schema import ExperimentPart, Name, Texts, default_of
from harness.model.changes import ChangeSpec, Retire, Start

#: The name of an object, or the key of a route.
Text = Annotated[str, Field(min_length=1)]


class NamedSchema(ExperimentPart):
    """A change; the name is its kind, unless there are two of a kind."""

    name: Name | None = Field(default=None, description="tells two changes of a kind apart; the kind without it")

    def fields(self) -> dict[str, Any]:
        """Return the fields of the record by the record's own names, without its name."""
        return {field: getattr(self, field) for field in type(self).model_fields if field != "name"}


class ChangeSchema(NamedSchema):
    """The fields of all real changes."""

    times: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=default_of(ChangeSpec, "times"),
        description="repetitions in one trial, with rest between them; all but a rolling update, a restart and a "
        "deletion are undone in between, under traffic",
    )
    pause: Duration = Field(
        default=default_of(ChangeSpec, "pause"),
        description="between two repetitions, from when the system has come to rest; `10s` lets the ingress "
        "controller's sync rate limit come to rest as well",
    )
    answers: dict[str, Texts] = Field(
        default=default_of(ChangeSpec, "answers"),
        description="answers by route that are right once the change has begun, in addition to those of `traffic`; "
        "derived from `answer` without it",
    )

    def fields(self) -> dict[str, Any]:
        """Return lists as tuples: records are never altered."""
        return {**super().fields(), "answers": {key: tuple(globs) for key, globs in self.answers.items()}}


def _named(value: Any) -> Any:
    return {"deployment": value} if isinstance(value, str) else value


class RetireSchema(ExperimentPart):
    """The old version's end."""

    deployment: Text = Field(description="the Deployment that is scaled to nothing")
    after: Duration = Field(
        default=default_of(Retire, "after"),
        description="time from the switch, and not before the switch was seen; `0s` does both at once",
    )

    def record(self) -> Retire:
        """Return the record."""
        return Retire(self.deployment, self.after)


class StartSchema(ExperimentPart):
    """The new version's beginning."""

    deployment: Text = Field(description="the Deployment that is scaled up")
    replicas: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=default_of(Start, "replicas"), description="how many pods it gets"
    )
    wait: bool = Field(default=default_of(Start, "wait"), description="wait for all of them before the switch")

    def record(self) -> Start:
        """Return the record."""
        return Start(self.deployment, self.replicas, self.wait)


#: A Deployment's name, or a map with more of it.
Retirement = Annotated[RetireSchema, BeforeValidator(_named, json_schema_input_type=Text | RetireSchema)]
Beginning = Annotated[StartSchema, BeforeValidator(_named, json_schema_input_type=Text | StartSchema)]
