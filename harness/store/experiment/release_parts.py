"""The releases of an Experiment file as pydantic models: blue-green, canary, A/B test, and every change by its word.

The file says them shorter than their records do: a retirement may be a name alone, a step its share alone.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from harness.model.releases import Retire, Start
from harness.store.experiment.quantities import Duration
from harness.store.experiment.schema import PLAIN_PARTS, ChangePart, NamedPart, Part, Texts

#: The name of an object, or the key of a route.
Text = Annotated[str, Field(min_length=1)]


def _named(value: Any) -> Any:
    return {"deployment": value} if isinstance(value, str) else value


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


#: The model of each change, by the word used in the file.
CHANGE_PARTS: dict[str, type[NamedPart]] = {
    **PLAIN_PARTS,
    "blue-green": BlueGreenPart,
}
