"""Checks a change that is made while another one is in progress: both must make sense together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from harness.experiment.changes.context import CheckContext
from harness.experiment.objects import WorkloadObjects
from harness.experiment.problems import listed
from harness.kit.located_yaml import Place
from harness.model.change_facts import TargetKind
from harness.model.changes import ChangeSpec
from harness.problem_codes import ProblemCode

#: Field of a Deployment that the start and the end of a version change.
_REPLICAS = ("spec", "replicas")


class _Field(NamedTuple):
    """A field that a change writes.

    Attributes:
        kind: Kind of the object.
        name: Name of the object.
        path: Path of the field; empty for the whole object.
    """

    kind: str
    name: str
    path: tuple[str, ...]

    def meets(self, other: _Field) -> bool:
        """Return True if the fields are the same, or one contains the other."""
        shorter = min(len(self.path), len(other.path))
        same = (self.kind, self.name) == (other.kind, other.name)
        return same and self.path[:shorter] == other.path[:shorter]


def check_overlap(spec: ChangeSpec, place: Place, context: CheckContext) -> None:
    """Require that two changes can overlap, and that their effects can be distinguished.

    Args:
        spec: The change; nothing is checked if it is made alone.
        place: Path of ``while``.
        context: The context of the check.
    """
    other = spec.during
    if other is None:
        return
    for code, message, hint in (*_impossible(spec, other), *_same_fields(spec, other, context.objects)):
        context.add(code, place, message, hint)


def _impossible(spec: ChangeSpec, other: ChangeSpec) -> Iterator[tuple[ProblemCode, str, str]]:
    """Yield code, message and hint of each reason why two kinds can't overlap."""
    for part in (other, spec):
        if part.facts.is_control or part.facts.target is TargetKind.ANYTHING:
            why = "nothing is in progress" if part.facts.is_control else "which objects it changes is unknown"
            message = f"{part.name} can't overlap another change: {why}"
            yield ProblemCode.CONFLICT, message, "name a change of one object"
    if spec.version_routes and other.version_routes:
        message = f"{other.name} and {spec.name} both decide which version answers; one release at a time can be judged"
        yield ProblemCode.CONFLICT, message, ""
    else:
        yield from _same_answers(spec, other)
    for restart, edit in ((spec, other), (other, spec)):
        follows = edit.facts.awaits_ingress is not None or edit.facts.splits_requests
        if restart.facts.target is TargetKind.CONTROLLER and follows:
            message = f"{restart.name} replaces the pods whose log shows when {edit.name} is in effect"
            yield ProblemCode.CONFLICT, message, "overlap it with a change of a Deployment"


def _same_answers(spec: ChangeSpec, other: ChangeSpec) -> Iterator[tuple[ProblemCode, str, str]]:
    """Yield the problem of a release on whose routes another change brings answers of its own."""
    for release, change in ((spec, other), (other, spec)):
        routes = sorted(set(release.version_routes) & change.answers.keys())
        if routes:
            message = (
                f"{change.name} brings new answers on {listed(routes)}, where {release.name} decides which version may "
                "answer: an answer at the wrong time could not be recognised"
            )
            yield ProblemCode.CONFLICT, message, f"give {change.name} no answer, or change another Deployment"


def _same_fields(
    spec: ChangeSpec, other: ChangeSpec, objects: WorkloadObjects
) -> Iterator[tuple[ProblemCode, str, str]]:
    """Yield the problem of each field that both change: the undo of one would revert the other."""
    fields = list(_written(other, objects))
    for mine in _written(spec, objects):
        if any(mine.meets(theirs) for theirs in fields):
            what = ".".join(mine.path) or "the object"
            message = f"{other.name} and {spec.name} both change {what} of {mine.kind} {mine.name}"
            yield ProblemCode.CONFLICT, message, "let one of them change another field or another object"
            return


def _written(spec: ChangeSpec, objects: WorkloadObjects) -> Iterator[_Field]:
    """Yield the fields that a change writes, as far as they are known before the run."""
    kind, name = spec.target.value, spec.target_name
    if spec.facts.splits_requests or spec.facts.target in (TargetKind.CONTROLLER, TargetKind.NODE):
        yield _Field(kind, name, ())
    target = objects.find(kind, name) if name else None
    patch = spec.patch_of(target, 1) if target is not None else None
    if patch is not None:
        yield from (_Field(kind, name, path) for path in _leaves(patch.body, ()))
    if spec.unpatched:
        yield _Field(kind, name, spec.unpatched)
    for scaled in spec.scaled:
        yield _Field(TargetKind.DEPLOYMENT.value, scaled, _REPLICAS)


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the paths of the values of a patch. Items of a list are known by their names."""
    if isinstance(value, Mapping) and value:
        for key in value:
            yield from _leaves(value[key], (*path, str(key)))
    elif isinstance(value, list) and value and all(isinstance(item, Mapping) and "name" in item for item in value):
        for item in value:
            yield from _leaves({key: each for key, each in item.items() if key != "name"}, (*path, str(item["name"])))
    else:
        yield path
