"""The matrix: axes of named patches, and the configurations that they span."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.experiment.admission import check
from harness.experiment.cluster_rules import ImageCheck
from harness.experiment.fields import FieldReview
from harness.experiment.problems import Problems, near
from harness.experiment.schema import NAME, ExpectPart
from harness.experiment.validation import fields_of
from harness.experiment.workload import Files, Rendered, apply, read_patch
from harness.kit.located_yaml import Place
from harness.kube.manifests import LocatedManifest
from harness.model.experiment import Configuration


@dataclass(frozen=True, slots=True)
class Value:
    """One value of an axis."""

    axis: str
    name: str
    patches: tuple[LocatedManifest, ...]


def read_matrix(value: Any, files: Files, problems: Problems) -> list[list[Value]]:
    """The axes in the file's order, each with its values."""
    if not isinstance(value, dict) or not value:
        problems.add(("matrix",), "expected a map of axes, each with its values; leave matrix out for none")
        return []
    return [_read_axis(axis, values, files, problems) for axis, values in value.items()]


def configurations(
    workload: Sequence[LocatedManifest],
    axes: list[list[Value]],
    problems: Problems,
    check_image: ImageCheck,
    review: FieldReview,
) -> list[Configuration]:
    """Every combination of the axes' values, with the workload as it then is."""
    made = []
    for values in itertools.product(*axes):
        objects = [Rendered(item.manifest, (item,)) for item in workload]
        for patch in (patch for value in values for patch in value.patches):
            objects = apply(objects, patch, problems)
        problems.extend(problem for item in objects for problem in check(item, check_image))
        review.look(objects, problems)
        axis_values = tuple((value.axis, value.name) for value in values)
        made.append(Configuration(axis_values, tuple(item.manifest for item in objects)))
    return made


def _read_axis(axis: str, values: Any, files: Files, problems: Problems) -> list[Value]:
    place = ("matrix", axis)
    taken = fields_of(ExpectPart)
    if axis in taken:
        problems.add(place, f"an axis can't be called {axis}: expect and exclude have a field of that name")
    if not isinstance(values, dict) or not values:
        problems.add(
            place, f"the axis {axis} has no values; expected a map such as {{plain: {{}}, probe: {{patch: …}}}}"
        )
        return []
    return [_read_value(axis, name, value, files, problems) for name, value in values.items()]


def _read_value(axis: str, name: str, value: Any, files: Files, problems: Problems) -> Value:
    place = ("matrix", axis, name)
    if not re.match(NAME, name):
        problems.add(place, f"the name {name!r} must be letters and digits, with single . _ - between them")
    value = {} if value is None else value
    if not isinstance(value, dict):
        problems.add(place, f"expected {{}} or {{patch: …}}, got {value!r}")
        return Value(axis, name, ())
    for key in value.keys() - {"patch"}:
        problems.add((*place, key), f"unknown field {key!r}; known is patch", near(key, ["patch"]))
    patches = _read_patches(value["patch"], (*place, "patch"), files, problems) if "patch" in value else []
    return Value(axis, name, tuple(patches))


def _read_patches(value: Any, place: Place, files: Files, problems: Problems) -> list[LocatedManifest]:
    if not isinstance(value, list):
        return read_patch(value, place, files, problems)
    if not value:
        problems.add(place, "an empty list of patches; write {} for a value that changes nothing")
    return [p for i, item in enumerate(value) for p in read_patch(item, (*place, i), files, problems)]
