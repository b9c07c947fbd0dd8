"""The run's answer in a sentence or two, and what each configuration costs; every report begins with it."""

from __future__ import annotations

from harness.model.verdict import CellVerdict, RunVerdict, Verdict, Weight
from harness.report.sentences import Sentence, explain
from harness.report.words import count, duration, expected, listed, plural, title

#: In which order the findings of a cell are told.
_ORDER = {Weight.INSTRUMENT: 0, Weight.LOSS: 1, Weight.EVIDENCE: 2, Weight.NOTE: 3}
#: How many cells are named in a sentence.
_NAMED = 4


def headline(run: RunVerdict) -> str:
    """Does a request get lost? In one sentence."""
    cells, lossy = run.cells, _with(run, Verdict.LOSSY)
    unknown = _with(run, Verdict.INCONCLUSIVE)
    if not cells or len(unknown) == len(cells):
        return "No answer: no cell could be judged."
    if lossy:
        return f"Requests were lost in {len(lossy)} of {plural(len(cells), 'cell')}."
    if unknown:
        return (
            f"No request was lost in {len(cells) - len(unknown)} of {plural(len(cells), 'cell')}; the rest is unknown."
        )
    return f"No request was lost in any of {plural(len(cells), 'cell')}." if len(cells) > 1 else "No request was lost."


def standing(run: RunVerdict) -> str:
    """Is it as expected? In one sentence."""
    surprising, unknown = unexpected(run), _with(run, Verdict.INCONCLUSIVE)
    parts = []
    if surprising:
        named = [f"{title(cell)} ({cell.verdict}, expected {expected(cell)})" for cell in surprising[:_NAMED]]
        more = [f"{len(surprising) - _NAMED} more"] if len(surprising) > _NAMED else []
        parts.append(f"{plural(len(surprising), 'cell is', 'cells are')} not as expected: {listed(named + more)}.")
    if unknown:
        named = [title(cell) for cell in unknown[:_NAMED]]
        more = [f"{len(unknown) - _NAMED} more"] if len(unknown) > _NAMED else []
        parts.append(f"{plural(len(unknown), 'cell is', 'cells are')} inconclusive: {listed(named + more)}.")
    if not parts and run.cells:
        parts.append("Every cell is as expected." if len(run.cells) > 1 else "That is as expected.")
    return " ".join(parts)


def totals(run: RunVerdict) -> str:
    """What the answer rests on."""
    sent, lost = sum(cell.sent for cell in run.cells), sum(cell.lost for cell in run.cells)
    trials = sum(len(cell.trials) for cell in run.cells)
    return (
        f"{plural(sent, 'request')} sent in {plural(trials, 'trial')}, each tried exactly once; {count(lost)} lost; "
        f"{duration(run.seconds)}."
    )


def by_configuration(run: RunVerdict) -> tuple[tuple[str, str], ...]:
    """Each configuration and what it costs."""
    return tuple((name, _cost([c for c in run.cells if c.configuration == name])) for name in run.configurations)


def reasons(cell: CellVerdict) -> tuple[tuple[Weight, Sentence], ...]:
    """Everything that was found in a cell, what decides first."""
    findings = sorted(cell.findings, key=lambda finding: _ORDER[finding.weight])
    return tuple((finding.weight, explain(finding)) for finding in findings)


def unexpected(run: RunVerdict) -> list[CellVerdict]:
    """Cells that are lossy or lossless against expectation."""
    return [cell for cell in run.cells if not cell.as_expected and cell.verdict is not Verdict.INCONCLUSIVE]


def notable(run: RunVerdict) -> list[CellVerdict]:
    """Cells that need a reader: unexpected or inconclusive."""
    return [cell for cell in run.cells if not cell.as_expected]


def _cost(cells: list[CellVerdict]) -> str:
    lossy = [cell for cell in cells if cell.verdict is Verdict.LOSSY]
    unknown = [cell.change for cell in cells if cell.verdict is Verdict.INCONCLUSIVE]
    parts = []
    if lossy:
        losses = [f"{cell.change} {count(cell.lost)} of {count(cell.sent)}" for cell in lossy]
        parts.append(f"loses requests in {listed(losses)}")
    if unknown:
        parts.append(f"is inconclusive in {listed(unknown)}")
    return f"{'; '.join(parts)}." if parts else "loses nothing."


def _with(run: RunVerdict, verdict: Verdict) -> list[CellVerdict]:
    return [cell for cell in run.cells if cell.verdict is verdict]
