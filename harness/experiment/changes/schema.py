"""The common part of the schemas of changes; each kind adds its own fields in a module of its own."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from harness.experiment.quantities import Duration
from harness.experiment.schema import Name, Part, Texts
from harness.model.changes import ChangeSpec, Retire, Start

#: The name of an object, or the key of a route.
Text = Annotated[str, Field(min_length=1)]


def default_of(record: type[Any], name: str) -> Any:
    """Return the default of a record's field, so that it is written once.

    Raises:
        KeyError: The record has no such field.
        TypeError: The field has no default.
    """
    field = {field.name: field for field in dataclasses.fields(record)}[name]
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    if field.default is dataclasses.MISSING:
        raise TypeError(f"{record.__name__}.{name} has no default")
    return field.default


class NamedSchema(Part):
    """A change; the name is its kind, unless there are two of a kind."""

    name: Name | None = None

    def fields(self) -> dict[str, Any]:
        """Return the fields of the record by the record's own names, without its name."""
        return {field: getattr(self, field) for field in type(self).model_fields if field != "name"}


class ChangeSchema(NamedSchema):
    """The fields of all real changes."""

    times: Annotated[int, Field(ge=1, le=1000)] = default_of(ChangeSpec, "times")
    pause: Duration = default_of(ChangeSpec, "pause")
    answers: dict[str, Texts] = Field(default={})

    def fields(self) -> dict[str, Any]:
        """Return lists as tuples: records are never altered."""
        return {**super().fields(), "answers": {key: tuple(globs) for key, globs in self.answers.items()}}


def _named(value: Any) -> Any:
    return {"deployment": value} if isinstance(value, str) else value


class RetireSchema(Part):
    """The old version's end."""

    deployment: Text
    after: Duration = default_of(Retire, "after")

    def record(self) -> Retire:
        """Return the record."""
        return Retire(self.deployment, self.after)


class StartSchema(Part):
    """The new version's beginning."""

    deployment: Text
    replicas: Annotated[int, Field(ge=1, le=1000)] = default_of(Start, "replicas")
    wait: bool = default_of(Start, "wait")

    def record(self) -> Start:
        """Return the record."""
        return Start(self.deployment, self.replicas, self.wait)


#: A Deployment's name, or a map with more of it.
Retirement = Annotated[RetireSchema, BeforeValidator(_named)]
Beginning = Annotated[StartSchema, BeforeValidator(_named)]
#: The path of an Ingress rule, as it is written there.
RulePath = Annotated[str, Field(pattern=r"^/\S*$")]
