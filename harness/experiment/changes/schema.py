"""The common part of the schemas of changes; each kind adds its own fields in a module of its own."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, ConfigDict, Field

from harness.experiment.quantities import Duration
from harness.experiment.schema import ExperimentPart, Name, Texts, default_of
from harness.model.changes import ChangeSpec, Restart, Retire, Start

#: The name of an object, or the key of a route.
Text = Annotated[str, Field(min_length=1)]


#: Fields with the name of a change.
_NAMES = frozenset({"name", "during"})


class NamedSchema(ExperimentPart):
    """A change with its name.

    Attributes:
        list_field: Field that a list in place of the map sets; empty if there is no such short form.
    """

    list_field: ClassVar[str] = ""

    @property
    def other(self) -> str:
        """Return the name of the change that must be in progress when it is made; empty for none."""
        return ""

    name: Name | None = Field(
        default=None, description="name of the change; by default its kind; required for a second change of a kind"
    )

    def fields(self) -> dict[str, Any]:
        """Return the fields of the record by the record's own names, without the names of changes."""
        return {field: getattr(self, field) for field in type(self).model_fields if field not in _NAMES}


class ChangeSchema(NamedSchema):
    """The fields of all real changes."""

    times: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=default_of(ChangeSpec, "times"),
        description="repetitions in one trial; a change that has an undo is undone between them, under traffic, "
        "except a rolling update, which goes on from the last one",
    )
    pause: Duration = Field(
        default=default_of(ChangeSpec, "pause"),
        description="time between two repetitions, after the system has settled; with `10s` the ingress "
        "controller's sync rate limit has settled as well",
    )
    answers: dict[str, Texts] = Field(
        default=default_of(ChangeSpec, "answers"),
        description="answers by route that are right from the start of the change, in addition to those of `traffic`; "
        "by default derived from `answer`",
    )

    during: Name | None = Field(
        alias="while",
        default=None,
        description="name of another change of the list: that one is made first, and this one as soon as it has begun",
    )

    @property
    def other(self) -> str:
        """Return the name of the change that must be in progress when it is made; empty for none."""
        return self.during or ""

    def fields(self) -> dict[str, Any]:
        """Return lists as tuples, since records are immutable."""
        return {**super().fields(), "answers": {key: tuple(globs) for key, globs in self.answers.items()}}


def _named(value: Any) -> Any:
    return {"deployment": value} if isinstance(value, str) else value


class RetireSchema(ExperimentPart):
    """The end of the old version."""

    deployment: Text = Field(description="the Deployment that is scaled to nothing")
    after: Duration = Field(
        default=default_of(Retire, "after"),
        description="time from the switch, at least until the switch was seen; `0s` does both at once",
    )

    def record(self) -> Retire:
        """Return the record."""
        return Retire(self.deployment, self.after)


class StartSchema(ExperimentPart):
    """The start of the new version."""

    deployment: Text = Field(description="the Deployment that is scaled up")
    replicas: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=default_of(Start, "replicas"), description="number of its pods"
    )
    wait: bool = Field(default=default_of(Start, "wait"), description="wait for all of them before the switch")

    def record(self) -> Start:
        """Return the record."""
        return Start(self.deployment, self.replicas, self.wait)


#: A Deployment's name, or a map with more of it.
Retirement = Annotated[RetireSchema, BeforeValidator(_named, json_schema_input_type=Text | RetireSchema)]
Beginning = Annotated[StartSchema, BeforeValidator(_named, json_schema_input_type=Text | StartSchema)]


class RolloutSchema(ChangeSchema):
    """The fields of changes that replace the pods of one Deployment, StatefulSet or DaemonSet."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [field]} for field in ("deployment", "statefulset", "daemonset")]}
    )

    deployment: str = Field(default=default_of(Restart, "deployment"), description="the Deployment")
    statefulset: str = Field(
        default=default_of(Restart, "statefulset"), description="the StatefulSet, on `kind` and `context`"
    )
    daemonset: str = Field(
        default=default_of(Restart, "daemonset"), description="the DaemonSet, on `kind` and `context`"
    )
