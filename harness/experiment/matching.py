"""The entries of ``exclude`` and ``expect``: patterns of names, and the cells that they match."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from harness.experiment.problems import Problems, listed, near
from harness.experiment.schema import CLASSES, ExpectPart, MatchPart
from harness.experiment.validation import validate
from harness.kit.located_yaml import Place
from harness.model.changes import ChangeSpec
from harness.model.experiment import Configuration, Expectation, ExpectedVerdict
from harness.problem_codes import ProblemCode

#: The names of a cell: of its configuration, its change, and its value on each axis, by the fields of an entry.
CellNames = Mapping[str, str]

P = TypeVar("P", bound=MatchPart)


@dataclass(frozen=True, slots=True)
class MatchEntry:
    """One entry of ``exclude``, or the match of one of ``expect``.

    Attributes:
        place: Path of the entry.
        patterns: For each field, names and globs of which one must match; an absent field matches everything.
    """

    place: Place
    patterns: Mapping[str, tuple[str, ...]]

    def matches(self, names: CellNames) -> bool:
        """Return whether the entry matches a cell; an entry with an unknown field matches none."""
        return all(field in names and matches_any(names[field], patterns) for field, patterns in self.patterns.items())

    @property
    def is_for_all_changes(self) -> bool:
        """True if the entry does not depend on the change."""
        return "change" not in self.patterns


@dataclass(frozen=True, slots=True)
class ExpectEntry:
    """One entry of ``expect``.

    Attributes:
        match: The cells that it is for.
        expectation: The verdict that they are expected to have.
    """

    match: MatchEntry
    expectation: Expectation

    def decides(self, names: CellNames, change: ChangeSpec) -> bool:
        """Return whether the entry is for a cell. A control is always expected to be lossless."""
        allowed = self.expectation.verdict is ExpectedVerdict.LOSSLESS or not change.facts.is_control
        return allowed and self.match.matches(names)


def matches_any(name: str, patterns: Sequence[str]) -> bool:
    """Return whether a name is one of some names or matches one of some globs."""
    return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)


def names_of(configuration: Configuration, change: ChangeSpec) -> CellNames:
    """Return the names of a cell."""
    return {"configuration": configuration.name, "change": change.name, **dict(configuration.axes)}


def parse_exclude(value: Any, problems: Problems) -> tuple[MatchEntry, ...]:
    """Return the entries of ``exclude`` without errors."""
    found = _parse_entries(MatchPart, value, "exclude", problems)
    return tuple(MatchEntry(place, patterns) for _, patterns, place in found)


def parse_expect(value: Any, problems: Problems) -> tuple[ExpectEntry, ...]:
    """Return the entries of ``expect`` without errors."""
    return tuple(
        ExpectEntry(MatchEntry(place, patterns), _expectation(part, place, problems))
        for part, patterns, place in _parse_entries(ExpectPart, value, "expect", problems)
    )


def _parse_entries(
    model: type[P], value: Any, name: str, problems: Problems
) -> list[tuple[P, Mapping[str, tuple[str, ...]], Place]]:
    if value is not None and not isinstance(value, list):
        problems.add(ProblemCode.WRONG_TYPE, (name,), "expected a list of entries")
        return []
    found = []
    for index, item in enumerate(value or []):
        place: Place = (name, index)
        part = validate(model, item, place, problems)
        patterns = _patterns(part, place, problems) if part is not None else None
        if part is not None and patterns is not None:
            found.append((part, patterns, place))
    return found


def _patterns(part: MatchPart, place: Place, problems: Problems) -> Mapping[str, tuple[str, ...]] | None:
    """Return the patterns of an entry; None if one is neither a name nor a list of names."""
    fields = {**(part.model_extra or {}), "configuration": part.configuration, "change": part.change}
    lists = {field: [value] if isinstance(value, str) else value for field, value in fields.items()}
    wrong = [
        field
        for field, values in lists.items()
        if not isinstance(values, list) or not all(isinstance(item, str) for item in values)
    ]
    for field in wrong:
        message = f"expected a name or a list of names, got {fields[field]!r}"
        problems.add(ProblemCode.WRONG_TYPE, (*place, field), message)
    return None if wrong else {field: tuple(values) for field, values in lists.items() if values}


def _expectation(part: ExpectPart, place: Place, problems: Problems) -> Expectation:
    for label in part.classes:
        if label not in CLASSES:
            message = f"unknown class {label!r}; known are {listed(CLASSES)}"
            problems.add(ProblemCode.UNKNOWN_NAME, (*place, "class"), message, near(label, CLASSES))
    return Expectation(
        verdict=ExpectedVerdict(part.verdict),
        classes=tuple(part.classes),
        window=part.window,
        reason=part.reason,
        hidden=part.hidden,
        twice=part.twice,
    )
