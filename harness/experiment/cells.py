"""The cells: configurations x changes, less what is excluded, each with what is expected of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, TypeVar

from harness.errors import InvalidInputError, Problem
from harness.experiment.problems import Problems, listed, near
from harness.experiment.schema import CLASSES, ExpectPart, MatchPart
from harness.experiment.validation import fields_of, validate
from harness.kit.located_yaml import Place
from harness.model.changes import ChangeSpec
from harness.model.experiment import Cell, Configuration, Expectation, ExpectedVerdict

M = TypeVar("M", bound=MatchPart)


@dataclass(frozen=True, slots=True)
class Match:
    """Which cells an entry means: for each field, patterns of which one must fit; an absent field fits all."""

    patterns: Mapping[str, tuple[str, ...]]

    def fits(self, configuration: Configuration, change: ChangeSpec) -> bool:
        """Whether the entry means this cell."""
        named = names_of(configuration, change)
        return all(fits_any(named[field], patterns) for field, patterns in self.patterns.items())


def fits_any(name: str, patterns: Sequence[str]) -> bool:
    """Whether a name is one of some names or globs."""
    return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)


def make_cells(
    configurations: Sequence[Configuration],
    changes: Sequence[ChangeSpec],
    exclude: Any,
    expect: Any,
    problems: Problems,
) -> tuple[Cell, ...]:
    """All cells, configuration by configuration; the first matching ``expect`` entry counts.

    No changes at all stand for changes that could not be read: entries are then checked for all but the changes' names.
    """
    known = _known(configurations, changes)
    pairs = [(configuration, change) for configuration in configurations for change in changes]
    excluded = [(match, place) for _, match, place in _entries(MatchPart, exclude, "exclude", known, problems)]
    for match, place in excluded:
        if pairs and not any(match.fits(*pair) for pair in pairs):
            problems.add(place, "this entry excludes nothing")
    kept = [pair for pair in pairs if not any(match.fits(*pair) for match, _ in excluded)]
    if not kept and pairs:
        problems.add(("exclude",), "every cell is excluded: nothing is left to run")
    _check_controls(kept, pairs, problems)
    entries = [(_expectation(part, place, problems), match, place) for part, match, place in
               _entries(ExpectPart, expect, "expect", known, problems)]  # fmt: skip
    return _judged(kept, entries, problems)


def select(cells: tuple[Cell, ...], only: Mapping[str, tuple[str, ...]]) -> tuple[Cell, ...]:
    """The cells that ``--only`` asks for, by configuration, change or axis; the controls of their configurations stay.

    Raises:
        InvalidInputError: A name or glob fits nothing, or what is filtered by isn't known.
    """
    named = [(cell, _names(cell)) for cell in cells]
    known = list(dict.fromkeys(key for _, names in named for key in names))
    problems = [
        Problem(f"--only {key}=…: expected one of {', '.join(f'{name}=…' for name in known)}", hint=near(key, known))
        for key in only
        if key not in known
    ]
    for key in (key for key in known if key in only):
        values = list(dict.fromkeys(names[key] for _, names in named))
        problems += [
            Problem(
                f"--only {key}={pattern}: no {key} of that name; there are {listed(values)}", hint=near(pattern, values)
            )
            for pattern in only[key]
            if not any(fits_any(name, (pattern,)) for name in values)
        ]
    if problems:
        raise InvalidInputError(problems)
    chosen = [cell for cell, names in named if all(fits_any(names[key], patterns) for key, patterns in only.items())]
    if not chosen:
        raise InvalidInputError([Problem("--only leaves no cell: this configuration is not run with this change")])
    rows = {cell.configuration.name for cell in chosen}
    return tuple(c for c in cells if c in chosen or (_is_control(c.change) and c.configuration.name in rows))


def _names(cell: Cell) -> dict[str, str]:
    """What a cell can be asked for by: its configuration, its change, and its value on each axis."""
    return names_of(cell.configuration, cell.change)


def names_of(configuration: Configuration, change: ChangeSpec) -> dict[str, str]:
    """Each field of a match, and the name that a cell has there."""
    return {"configuration": configuration.name, "change": change.name, **dict(configuration.axes)}


def _is_control(change: ChangeSpec) -> bool:
    return change.facts.is_control


def _known(configurations: Sequence[Configuration], changes: Sequence[ChangeSpec]) -> dict[str, list[str]]:
    """The names that each field of a match can have."""
    known: dict[str, list[str]] = {"configuration": [], "change": [change.name for change in changes]}
    for configuration in configurations:
        known["configuration"].append(configuration.name)
        for axis, value in configuration.axes:
            known.setdefault(axis, []).append(value)
    return {field: list(dict.fromkeys(names)) for field, names in known.items()}


def _entries(
    model: type[M], value: Any, name: str, known: Mapping[str, list[str]], problems: Problems
) -> Iterator[tuple[M, Match, Place]]:
    """The readable entries of ``exclude`` or ``expect``."""
    if value is not None and not isinstance(value, list):
        problems.add((name,), "expected a list of entries")
        return
    for index, item in enumerate(value or []):
        place = (name, index)
        part = validate(model, item, place, problems)
        match = _match(part, place, known, problems) if part is not None else None
        if part is not None and match is not None:
            yield part, match, place


def _match(part: MatchPart, place: Place, known: Mapping[str, list[str]], problems: Problems) -> Match | None:
    """The patterns of an entry; None where one of them can't be right."""
    given = {**(part.model_extra or {}), "configuration": part.configuration, "change": part.change}
    before = len(problems.found)
    patterns: dict[str, tuple[str, ...]] = {}
    for field, value in given.items():
        values = [value] if isinstance(value, str) else value
        if field not in known:
            fields = [*known, *(name for name in fields_of(type(part)) if name not in known)]
            problems.add(
                (*place, field), f"unknown field or axis {field!r}; known are {listed(fields)}", near(field, fields)
            )
        elif not isinstance(values, list) or not all(isinstance(item, str) for item in values):
            problems.add((*place, field), f"expected a name or a list of names, got {value!r}")
        elif values:
            patterns[field] = tuple(values)
            _check_patterns(values, (*place, field), field, known[field], problems)
    return Match(patterns) if len(problems.found) == before else None


def _check_patterns(values: Sequence[str], place: Place, field: str, names: list[str], problems: Problems) -> None:
    for value in values if names else ():
        if not any(fits_any(name, (value,)) for name in names):
            problems.add(place, f"no {field} {value!r}; there are {listed(names)}", near(value, names))


def _expectation(part: ExpectPart, place: Place, problems: Problems) -> Expectation:
    for label in part.classes:
        if label not in CLASSES:
            message = f"unknown class {label!r}; known are {listed(CLASSES)}"
            problems.add((*place, "class"), message, near(label, CLASSES))
    if part.verdict == "lossless" and (part.classes or part.window):
        problems.add(place, "class and window are about losses; a lossless cell has none")
    return Expectation(ExpectedVerdict(part.verdict), tuple(part.classes), part.window, part.reason)


def _check_controls(
    kept: Sequence[tuple[Configuration, ChangeSpec]],
    pairs: Sequence[tuple[Configuration, ChangeSpec]],
    problems: Problems,
) -> None:
    """Without its control, a configuration's losses can't be told from the environment's."""
    if not any(_is_control(change) for _, change in pairs):
        return
    with_control = {configuration.name for configuration, change in kept if _is_control(change)}
    bare = list(dict.fromkeys(c.name for c, _ in kept if c.name not in with_control))
    if bare:
        problems.add(
            ("exclude",), f"the control (none) of {listed(bare)} is excluded; without it no verdict can be given"
        )


def _useless(expectation: Expectation, fitting: Sequence[ChangeSpec]) -> str:
    """Why an entry decides no cell."""
    if fitting and all(map(_is_control, fitting)) and expectation.verdict is not ExpectedVerdict.LOSSLESS:
        return "this entry decides no cell: it is for the control (none) alone, of which losses are never expected"
    return "this entry decides no cell: none fits, or an earlier entry has those that do"


def _judged(
    kept: Sequence[tuple[Configuration, ChangeSpec]],
    entries: Sequence[tuple[Expectation, Match, Place]],
    problems: Problems,
) -> tuple[Cell, ...]:
    """Each cell with its expectation. A control is always expected to be lossless, so no other entry means it."""
    used: set[Place] = set()
    cells = []
    for configuration, change in kept:
        fitting = [
            (expectation, place)
            for expectation, match, place in entries
            if match.fits(configuration, change)
            and (expectation.verdict is ExpectedVerdict.LOSSLESS or not _is_control(change))
        ]
        used.update(place for _, place in fitting[:1])
        cells.append(Cell(configuration, change, fitting[0][0] if fitting else Expectation()))
    for expectation, match, place in entries if cells else []:
        if place not in used:
            fitting_changes = [change for configuration, change in kept if match.fits(configuration, change)]
            problems.add(place, _useless(expectation, fitting_changes))
    return tuple(cells)
