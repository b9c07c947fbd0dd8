"""``none``: the control."""

from __future__ import annotations

from pydantic import Field

from harness.experiment.changes.context import CheckContext
from harness.experiment.changes.schema import NamedSchema
from harness.experiment.quantities import Duration
from harness.experiment.schema import default_of
from harness.kit.located_yaml import Place
from harness.model.changes import NoChange


class NoChangeSchema(NamedSchema):
    """``none``."""

    hold: Duration = Field(default=default_of(NoChange, "hold"), description="time in which nothing is changed")


def check(spec: NoChange, place: Place, context: CheckContext) -> None:
    """Accept it: a control names nothing."""
    del spec, place, context
