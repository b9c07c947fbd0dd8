"""The steps of the exercises, as read from ``data/N.yaml``. Texts are in ``data/N.LANGUAGE.yaml``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from harness.model.experiment import Manifest, Route
from harness.model.verdict import Verdict

#: The exercises, by number.
NUMBERS = (1, 2, 3)


class _Data(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LevelCheck(_Data):
    """A condition that is true while an object has a value.

    Attributes:
        object: ``Kind/name`` in the participant's namespace.
        path: Path of a field, its parts separated by dots; a number is the place in a list. Empty: the object exists.
        value: Value of the field.
    """

    object: str
    path: str = ""
    value: Any = None


class StepCheck(_Data):
    """The check that a step was really done; exactly one field is set.

    Attributes:
        edge: Regular expression that matches the words of a change: it happened.
        level: Condition on an object: it is true now.
        output: Regular expression within the output of a command typed in the guide, for a command that is refused.
    """

    edge: str = ""
    level: LevelCheck | None = None
    output: str = ""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(map(bool, (self.edge, self.level, self.output))) != 1:
            raise ValueError("a check has exactly one of edge, level, output")
        re.compile(self.edge or self.output)
        return self


class ExerciseStep(_Data):
    """One step.

    Attributes:
        id: Name of the step in files of texts and in the progress.
        start: Names of the files whose objects the step begins with.
        remove: ``Kind/name`` of objects that must not exist at its begin.
        choices: Verdict that each choice of the prediction stands for; ``error`` for a command that is refused.
        right: Number of the right choice, from 1.
        command: Command to type. It may have several lines.
        target: ``Kind/name`` of the object that the command changes; empty for a command that changes none.
        check: The check that it was done.
        dark: True if no path answers at its begin.
        cut: True if the step is about connections that are cut: at least one must be.
    """

    id: str
    start: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    choices: tuple[Verdict | Literal["error"], ...]
    right: int
    command: str
    target: str = ""
    check: StepCheck
    dark: bool = False
    cut: bool = False

    @model_validator(mode="after")
    def _choices(self) -> Self:
        if not 2 <= len(self.choices) <= 4 or not 1 <= self.right <= len(self.choices):
            raise ValueError("a step has two to four choices, and one of them is right")
        return self

    @property
    def expected(self) -> str:
        """Return the outcome that the right choice stands for."""
        return self.choices[self.right - 1]


class PathTraffic(_Data):
    """A path that gets traffic.

    Attributes:
        path: Begins with ``/``.
        regex: Regular expression of its right answers.
        name: Name that distinguishes it from another entry of the same path; empty means the path.
        headers: Headers of each request.
        cookie: Name of the cookie that its sessions keep and send back; empty for none.
        sessions: Number of sessions for each method and connection shape; 0 for none.
    """

    path: str
    regex: str = ""
    name: str = ""
    headers: Mapping[str, str] = Field(default_factory=dict)
    cookie: str = ""
    sessions: int = 0

    @property
    def route(self) -> Route:
        """Return it as a route of the traffic."""
        return Route(
            self.path,
            regex=self.regex,
            name=self.name,
            headers=tuple(self.headers.items()),
            cookie=self.cookie,
            sessions=self.sessions,
        )


class ExercisePicture(_Data):
    """The cell whose chart is the picture of an exercise's page.

    Attributes:
        experiment: File of a shipped Experiment.
        configuration: Name of the cell's configuration.
        change: Name of its change.
    """

    experiment: str
    configuration: str
    change: str


class Exercise(_Data):
    """An exercise.

    Attributes:
        number: Its number.
        ingress: Ingress controller, by its name in an Experiment.
        traffic: Paths that get traffic.
        start: Names of the files whose objects exist before the traffic begins.
        picture: What the picture of its page shows.
        steps: Its steps in order.
    """

    number: int
    ingress: str
    traffic: tuple[PathTraffic, ...]
    start: tuple[str, ...] = ()
    picture: ExercisePicture
    steps: tuple[ExerciseStep, ...]


@cache
def load_exercise(number: int) -> Exercise:
    """Return an exercise.

    Raises:
        ValueError: Its file has a fault.
    """
    return Exercise(number=number, **yaml.safe_load(data_file(f"{number}.yaml").read_text(encoding="utf-8")))


def data_file(*names: str) -> Traversable:
    """Return a file of the exercises' data."""
    return resources.files(__package__).joinpath("data", *names)


def files_of(number: int) -> dict[str, str]:
    """Return the manifests that belong to an exercise: the text of each by its file name."""
    folder = data_file(f"files-{number}")
    found = sorted(folder.iterdir(), key=lambda one: one.name)
    return {one.name: one.read_text(encoding="utf-8") for one in found if one.name.endswith(".yaml")}


def objects_of(number: int, names: tuple[str, ...]) -> tuple[Manifest, ...]:
    """Return the objects of some of an exercise's files.

    Raises:
        KeyError: There is no such file.
    """
    files = files_of(number)
    return tuple(one for name in names for one in yaml.safe_load_all(files[f"{name}.yaml"]) if one)


def all_objects_of(number: int) -> tuple[Manifest, ...]:
    """Return the objects of all of an exercise's files; patches are none."""
    found = [one for text in files_of(number).values() for one in yaml.safe_load_all(text) if one]
    return tuple(one for one in found if "kind" in one)


def changed_by(number: int, step: ExerciseStep) -> frozenset[tuple[str, str]]:
    """Return kind and name of the objects that a step's command changes: its target, and those in its files."""
    named = re.findall(r"([\w-]+)\.yaml", step.command)
    written = [one for one in objects_of(number, tuple(named)) if "kind" in one]
    kind, _, name = step.target.partition("/")
    return frozenset({(kind, name), *((str(one["kind"]), str(one["metadata"]["name"])) for one in written)})
