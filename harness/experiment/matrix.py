"""The matrix: axes of named patches, and the configurations that they span."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.experiment.problems import Problems, near
from harness.experiment.schema import NAME, ExpectPart
from harness.experiment.validation import fields_of
from harness.experiment.workload import ExperimentFiles, parse_patch
from harness.kit.located_yaml import Place
from harness.kube.manifests import LocatedManifest
from harness.problem_codes import ProblemCode


@dataclass(frozen=True, slots=True)
class AxisValue:
    """One value of an axis.

    Attributes:
        axis: Name of the axis.
        name: Name of the value.
        patches: Its patches, in order.
    """

    axis: str
    name: str
    patches: tuple[LocatedManifest, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of the matrix, with its values in the file's order."""

    name: str
    values: tuple[AxisValue, ...]


def parse_matrix(value: Any, files: ExperimentFiles, problems: Problems) -> tuple[Axis, ...]:
    """Return the axes in the file's order."""
    if not isinstance(value, dict) or not value:
        message = "expected a map of axes, each with its values; omit matrix for a single configuration"
        problems.add(ProblemCode.WRONG_TYPE, ("matrix",), message)
        return ()
    return tuple(_parse_axis(axis, values, files, problems) for axis, values in value.items())


def combinations(axes: Sequence[Axis]) -> Iterator[tuple[AxisValue, ...]]:
    """Yield every combination of the axes' values; the empty one if there is no axis."""
    return itertools.product(*(axis.values for axis in axes))


def check_axis_names(axes: Sequence[Axis], problems: Problems) -> None:
    """Refuse axes named like a field of an entry: the entry would be ambiguous."""
    for axis in axes:
        if axis.name in fields_of(ExpectPart):
            message = f"an axis can't be called {axis.name}: expect and exclude have a field of that name"
            problems.add(ProblemCode.CONFLICT, ("matrix", axis.name), message)


def _parse_axis(axis: str, values: Any, files: ExperimentFiles, problems: Problems) -> Axis:
    if not isinstance(values, dict) or not values:
        message = f"the axis {axis} has no values; expected a map such as {{plain: {{}}, probe: {{patch: …}}}}"
        problems.add(ProblemCode.WRONG_TYPE, ("matrix", axis), message)
        return Axis(axis, ())
    return Axis(axis, tuple(_parse_value(axis, name, value, files, problems) for name, value in values.items()))


def _parse_value(axis: str, name: str, value: Any, files: ExperimentFiles, problems: Problems) -> AxisValue:
    place = ("matrix", axis, name)
    if not re.match(NAME, name):
        message = f"the name {name!r} must be letters and digits, with single . _ - between them"
        problems.add(ProblemCode.WRONG_VALUE, place, message)
    value = {} if value is None else value
    if not isinstance(value, dict):
        problems.add(ProblemCode.WRONG_TYPE, place, f"expected {{}} or {{patch: …}}, got {value!r}")
        return AxisValue(axis, name, ())
    for key in value.keys() - {"patch"}:
        message = f"unknown field {key!r}; known is patch"
        problems.add(ProblemCode.UNKNOWN_FIELD, (*place, key), message, near(key, ["patch"]))
    patches = _parse_patches(value["patch"], (*place, "patch"), files, problems) if "patch" in value else []
    return AxisValue(axis, name, tuple(patches))


def _parse_patches(value: Any, place: Place, files: ExperimentFiles, problems: Problems) -> list[LocatedManifest]:
    if not isinstance(value, list):
        return parse_patch(value, place, files, problems)
    if not value:
        message = "an empty list of patches; write {} for a value that changes nothing"
        problems.add(ProblemCode.WRONG_VALUE, place, message)
    return [p for i, item in enumerate(value) for p in parse_patch(item, (*place, i), files, problems)]
