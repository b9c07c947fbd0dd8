"""The cells: configurations x changes without the excluded ones, each with its expectation; and their checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from harness.controllers.registry import INGRESS_CONTROLLERS
from harness.errors import InvalidInputError, Problem
from harness.experiment.changes.reading import LocatedChange
from harness.experiment.matching import CellNames, ExpectEntry, MatchEntry, matches_any, names_of
from harness.experiment.problems import Problems, listed, near
from harness.experiment.schema import ExpectPart
from harness.experiment.stages import ParsedExperiment, ResolvedCell, ResolvedExperiment
from harness.experiment.validation import fields_of
from harness.model.controllers import controller_facts
from harness.model.experiment import Cell, Configuration, Expectation, ExpectedVerdict
from harness.problem_codes import ProblemCode


def cells_left(parsed: ParsedExperiment, configuration: Configuration) -> tuple[ResolvedCell, ...]:
    """Return the cells of a configuration that ``exclude`` leaves; the first entry of ``expect`` for each decides it.

    Args:
        parsed: The entries and the changes.
        configuration: The configuration; its objects do not matter.
    """
    cells = [(located, names_of(configuration, located.spec)) for located in parsed.changes]
    return tuple(
        ResolvedCell(located, names, _deciding(parsed, located, names))
        for located, names in cells
        if not any(entry.matches(names) for entry in parsed.exclude)
    )


def is_excluded(parsed: ParsedExperiment, configuration: Configuration) -> bool:
    """Return whether ``exclude`` removes a configuration with all its cells, also those of changes with errors."""
    if parsed.has_all_changes:
        return not cells_left(parsed, configuration)
    names = {"configuration": configuration.name, **dict(configuration.axes)}
    return any(entry.is_for_all_changes and entry.matches(names) for entry in parsed.exclude)


def possible_names(parsed: ParsedExperiment, configurations: Sequence[Configuration]) -> dict[str, tuple[str, ...]]:
    """Return the names that a cell can have, by the fields of an entry. No names mean that they are not known."""
    changes = (located.spec.name for located in parsed.changes) if parsed.has_all_changes else ()
    names = {
        "configuration": tuple(configuration.name for configuration in configurations),
        "change": tuple(changes),
    }
    return {**names, **{axis.name: tuple(value.name for value in axis.values) for axis in parsed.axes}}


def select(cells: tuple[Cell, ...], only: Mapping[str, tuple[str, ...]]) -> tuple[Cell, ...]:
    """Return the cells that ``--only`` asks for, with the controls of their configurations.

    Args:
        cells: All cells.
        only: Names or globs by configuration, change or axis.

    Raises:
        InvalidInputError: A name or glob matches nothing, a field is unknown, or no cell is left.
    """
    named = [(cell, names_of(cell.configuration, cell.change)) for cell in cells]
    known = list(dict.fromkeys(key for _, names in named for key in names))
    problems = [
        Problem(
            f"--only {key}=…: expected one of {', '.join(f'{name}=…' for name in known)}",
            hint=near(key, known),
            code=ProblemCode.OPTION,
        )
        for key in only
        if key not in known
    ]
    for key in (key for key in known if key in only):
        problems += _unknown_in_only(key, only[key], list(dict.fromkeys(names[key] for _, names in named)))
    if problems:
        raise InvalidInputError(problems)
    chosen = [cell for cell, names in named if all(matches_any(names[key], only[key]) for key in only)]
    if not chosen:
        message = "--only leaves no cell: this configuration is not run with this change"
        raise InvalidInputError([Problem(message, code=ProblemCode.OPTION)])
    rows = {cell.configuration.name for cell in chosen}
    return tuple(c for c in cells if c in chosen or (c.change.facts.is_control and c.configuration.name in rows))


def finished_cells(experiment: ResolvedExperiment) -> tuple[Cell, ...]:
    """Return the cells that are left, configuration by configuration."""
    return tuple(
        Cell(row.configuration, cell.change.spec, cell.expect.expectation if cell.expect else Expectation())
        for row in experiment.configurations
        for cell in row.cells
    )


def check_entries(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Require that each field of an entry is an axis, ``configuration`` or ``change``, and each name exists."""
    for entry in _entries(experiment.parsed):
        for code, place, message, hint in _unknown(entry, experiment.names):
            problems.add(code, place, message, hint)


def check_exclude(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Require that each entry of ``exclude`` removes a cell, and that a cell is left."""
    parsed = experiment.parsed
    if not parsed.has_all_changes or not experiment.all_cells:
        return
    for entry in parsed.exclude:
        if not any(map(entry.matches, experiment.all_cells)) and not list(_unknown(entry, experiment.names)):
            problems.add(ProblemCode.UNUSED_ENTRY, entry.place, "this entry excludes nothing")
    if all(any(entry.matches(names) for entry in parsed.exclude) for names in experiment.all_cells):
        problems.add(ProblemCode.NO_CELLS, ("exclude",), "every cell is excluded: nothing is left to run")


def check_controls(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Require the control of each configuration, unless ``control: false`` leaves it out of all of them.

    Without a control, losses may be the fault of the environment.
    """
    parsed = experiment.parsed
    if not parsed.has_all_changes or not any(located.spec.facts.is_control for located in parsed.changes):
        return
    bare = [
        row.configuration.name
        for row in experiment.configurations
        if not any(cell.change.spec.facts.is_control for cell in row.cells)
    ]
    if bare:
        message = f"the control (none) of {listed(bare)} is excluded; without it no verdict can be given"
        problems.add(ProblemCode.NO_CONTROL, ("exclude",), message)


def check_expect(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Require that each entry of ``expect`` decides a cell, and that its fields fit together."""
    for entry in experiment.parsed.expect:
        expectation = entry.expectation
        if expectation.verdict is ExpectedVerdict.LOSSLESS and (expectation.classes or expectation.window):
            message = "class and window are about losses; a lossless cell has none"
            problems.add(ProblemCode.UNUSED_SETTING, entry.match.place, message)
    cells = experiment.cells
    if not experiment.parsed.has_all_changes or not cells:
        return
    deciding = {cell.expect.match.place for cell in cells if cell.expect}
    for entry in experiment.parsed.expect:
        if entry.match.place not in deciding and not list(_unknown(entry.match, experiment.names)):
            matched = [cell for cell in cells if entry.match.matches(cell.names)]
            problems.add(ProblemCode.UNUSED_ENTRY, entry.match.place, _unused(entry.expectation, matched))


def check_hidden_limits(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Refuse a limit of hidden requests behind a controller that does not log every server that it tried.

    The number is unknown in every run there, so the cell could never be as expected.
    """
    parsed = experiment.parsed
    controller = None if parsed.entry else INGRESS_CONTROLLERS.get(parsed.ingress)
    if controller is None or controller.log.lists_tries:
        return
    title = controller_facts(parsed.ingress).title
    able = listed([word for word, each in INGRESS_CONTROLLERS.items() if each.log.lists_tries])
    deciding = {cell.expect.match.place: cell.expect for cell in experiment.cells if cell.expect}
    for place, entry in deciding.items():
        if entry.expectation.hidden is not None:
            message = (
                f"the access log of {title} has only the last server that was tried, so the number of hidden requests "
                "is always unknown and this limit can never be proved"
            )
            hint = f"limit twice, which receipts of the pods prove, or run with --ingress {able}"
            problems.add(ProblemCode.NEVER_KNOWN, (*place, "hidden"), message, hint)


def _deciding(parsed: ParsedExperiment, located: LocatedChange, names: CellNames) -> ExpectEntry | None:
    return next((entry for entry in parsed.expect if entry.decides(names, located.spec)), None)


def _entries(parsed: ParsedExperiment) -> list[MatchEntry]:
    return [*parsed.exclude, *(entry.match for entry in parsed.expect)]


def _unknown(
    entry: MatchEntry, known: Mapping[str, Sequence[str]]
) -> Iterator[tuple[ProblemCode, tuple[str | int, ...], str, str]]:
    """Yield the problem of each field and name of an entry that does not exist: code, place, message, hint."""
    for field, patterns in entry.patterns.items():
        place = (*entry.place, field)
        if field not in known:
            fields = [*known, *(name for name in fields_of(ExpectPart) if name not in known)]
            fields = fields if entry.place[0] == "expect" else [*known]
            message = f"unknown field or axis {field!r}; known are {listed(fields)}"
            yield ProblemCode.UNKNOWN_FIELD, place, message, near(field, fields)
            continue
        names = known[field]
        for pattern in patterns if names else ():
            if not any(matches_any(name, (pattern,)) for name in names):
                message = f"no {field} {pattern!r}; there are {listed(names)}"
                yield ProblemCode.UNKNOWN_NAME, place, message, near(pattern, names)


def _unused(expectation: Expectation, matched: Sequence[ResolvedCell]) -> str:
    """Return the reason why an entry decides no cell."""
    only_controls = matched and all(cell.change.spec.facts.is_control for cell in matched)
    if only_controls and expectation.verdict is not ExpectedVerdict.LOSSLESS:
        return "this entry decides no cell: it matches the control (none) alone, of which losses are never expected"
    return "this entry decides no cell: it matches none, or an earlier entry decides those"


def _unknown_in_only(key: str, patterns: Sequence[str], values: Sequence[str]) -> list[Problem]:
    return [
        Problem(
            f"--only {key}={pattern}: no {key} of that name; there are {listed(values)}",
            hint=near(pattern, values),
            code=ProblemCode.UNKNOWN_NAME,
        )
        for pattern in patterns
        if not any(matches_any(name, (pattern,)) for name in values)
    ]
