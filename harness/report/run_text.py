"""Texts of a run's report: the answer, the losses of each configuration, and the notable cells."""

from __future__ import annotations

from collections.abc import Sequence

from harness.findings.finding_type import Sentence
from harness.findings.registry import explain, type_of
from harness.findings.stopping import stopped
from harness.model.verdict import CellVerdict, RunVerdict, Verdict
from harness.wording import count, duration, listed, plural

#: How a verdict is reached. Asterisks enclose verdicts.
RULES = (
    (
        "An instrument that can't be trusted (calibration not exact, accounting broken, losses before the change or in "
        "the control) makes a cell *inconclusive*."
    ),
    "Otherwise a single lost request makes it *lossy*, even if evidence is missing.",
    (
        "Otherwise missing evidence (missed or unfinished requests, a change that was not observed, no overlap of "
        "traffic and change, a saturated machine) makes it *inconclusive*."
    ),
    "Otherwise it is *lossless*.",
)
#: Common names of the signals that stop a run.
_SIGNALS = {1: "SIGHUP", 2: "Ctrl-C", 15: "SIGTERM"}
#: Number of cells that a sentence names at most.
_NAMED = 3


def answer(run: RunVerdict) -> str:
    """Return in one sentence whether requests were lost and whether that was expected."""
    if run.signal:
        return _stopped(run)
    unknown = _having(run.cells, Verdict.INCONCLUSIVE)
    if not run.cells or len(unknown) == len(run.cells):
        return "No answer: no cell could be judged."
    surprises = _surprises(run)
    if not surprises and not unknown:
        return _as_expected(run)
    if unknown and surprises:
        surprises.append(f"{len(unknown)} inconclusive: {_named(unknown)}")
    elif unknown:
        are = "is" if len(unknown) == 1 else "are"
        surprises.append(f"{len(unknown)} of {plural(len(run.cells), 'cell')} {are} inconclusive: {_named(unknown)}")
        surprises.append("the others are as expected")
    return f"{'; '.join(surprises)}."


def totals(run: RunVerdict) -> str:
    """Return the number of requests sent and lost in all trials, in one sentence."""
    sent, lost = sum(cell.sent for cell in run.cells), sum(cell.lost for cell in run.cells)
    trials = sum(trial.identity.planned > 0 for cell in run.cells for trial in cell.trials)
    # The duration of a killed run is unknown.
    took = f"; {duration(run.seconds)}" if run.seconds else ""
    where = f"{plural(sent, 'request')} sent in {plural(trials, 'trial')}"
    return f"{where}, each tried exactly once; {count(lost)} lost{took}."


def by_configuration(run: RunVerdict) -> tuple[tuple[str, str], ...]:
    """Return each configuration with a sentence about its losses."""
    return tuple((name, _cost([c for c in run.cells if c.configuration == name])) for name in run.configurations)


def notable(run: RunVerdict) -> list[CellVerdict]:
    """Return the cells to look at: unexpected or inconclusive ones that were not stopped."""
    return [cell for cell in run.cells if not cell.as_expected and not stopped(cell)]


def explained_cells(run: RunVerdict) -> list[CellVerdict]:
    """Return the cells that need an explanation: the notable ones, and then the others that lost requests."""
    first = notable(run)
    return [*first, *(cell for cell in _having(run.cells, Verdict.LOSSY) if cell not in first and not stopped(cell))]


def warnings(run: RunVerdict) -> tuple[tuple[CellVerdict, Sentence], ...]:
    """Return the warnings of cells that are as expected, such as a preStop hook that failed."""
    return tuple(
        (cell, explain(finding))
        for cell in run.cells
        if cell.as_expected
        for finding in cell.findings
        if type_of(finding).warns
    )


def opened(run: RunVerdict) -> frozenset[str]:
    """Return the ids of the cells that the page opens at first: the notable ones, or else the first lossy one."""
    first = _having(run.cells, Verdict.LOSSY)[:1]
    return frozenset(cell.id for cell in notable(run) or first)


def _stopped(run: RunVerdict) -> str:
    """Return the progress of a stopped run, and its results until then."""
    known = sum(cell.verdict is not Verdict.INCONCLUSIVE for cell in run.cells)
    have = "has" if 1 in (known, len(run.cells)) else "have"
    how = f"Stopped by {_SIGNALS[run.signal]}" if run.signal in _SIGNALS else "The run did not finish"
    far = f"{how}: {known} of {plural(len(run.cells), 'cell')} {have} a result"
    return f"{'; '.join([far, *_surprises(run)])}."


def _as_expected(run: RunVerdict) -> str:
    lossy, cells = len(_having(run.cells, Verdict.LOSSY)), plural(len(run.cells), "cell")
    if len(run.cells) == 1:
        return "Requests were lost, as expected." if lossy else "No request was lost, as expected."
    if not lossy:
        return f"No request was lost in any of {cells}, as expected."
    are = "is" if lossy == 1 else "are"
    return f"Losses where they were expected and nowhere else: {lossy} of {cells} {are} lossy, all as expected."


def _surprises(run: RunVerdict) -> list[str]:
    """Return a clause for each kind of unexpected cells."""
    cells = [cell for cell in notable(run) if cell.verdict is not Verdict.INCONCLUSIVE]
    lossless = _having(cells, Verdict.LOSSLESS)
    lossy = _having(cells, Verdict.LOSSY)
    known = [cell for cell in lossy if cell.expected != Verdict.LOSSLESS]
    against = [cell for cell in lossy if cell.expected == Verdict.LOSSLESS]
    clauses: list[str] = []
    for group, what in (
        (against, "lost requests against expectation"),
        (lossless, "lost nothing although losses were expected"),
        (known, "lost requests in a different way than expected"),
    ):
        if group:
            of = f"{len(group)} of {plural(len(run.cells), 'cell')}" if not clauses else count(len(group))
            clauses.append(f"{of} {what}: {_named(group)}")
    return clauses


def _named(cells: Sequence[CellVerdict]) -> str:
    named = [
        f"{title(cell)} ({count(cell.lost)} of {count(cell.sent)})" if cell.lost else title(cell) for cell in cells
    ]
    more = len(named) - _NAMED
    return listed([*named[:_NAMED], f"{more} more"] if more > 0 else named)


def _cost(cells: Sequence[CellVerdict]) -> str:
    lossy = _having(cells, Verdict.LOSSY)
    open_ends = _having(cells, Verdict.INCONCLUSIVE)
    unknown = [cell.change for cell in open_ends if not stopped(cell)]
    parts = []
    if lossy:
        losses = [f"{cell.change} ({count(cell.lost)} of {count(cell.sent)})" for cell in lossy]
        parts.append(f"loses requests in {listed(losses)}")
    if unknown:
        parts.append(f"is inconclusive in {listed(unknown)}")
    ends = {how: [cell.change for cell in open_ends if stopped(cell) == how] for how in ("cut short", "not run")}
    parts += [f"was {how} in {listed(names)}" for how, names in ends.items() if names]
    return f"{'; '.join(parts)}." if parts else "loses nothing."


def _having(cells: Sequence[CellVerdict], verdict: Verdict) -> list[CellVerdict]:
    return [cell for cell in cells if cell.verdict is verdict]


def expected(cell: CellVerdict) -> str:
    """Return the expected verdict of a cell: ``lossy (status)``."""
    text = "lossless or lossy" if cell.expected == "any" else cell.expected
    by = f" ({' or '.join(cell.expected_classes)})" if cell.expected_classes and cell.expected != "lossless" else ""
    return text + by


def title(cell: CellVerdict) -> str:
    """Return configuration and change, joined by a multiplication sign."""
    return f"{cell.configuration} × {cell.change}"  # noqa: RUF001 - typography
