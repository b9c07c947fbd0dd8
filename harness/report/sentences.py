"""Records to English: the run's answer, what each configuration costs, and what was found. All text begins here."""

from __future__ import annotations

from collections.abc import Sequence

from harness.model.verdict import CellVerdict, Finding, FindingCode, RunVerdict, Verdict, Weight
from harness.report.findings import completeness, in_place, instrument, losses, notes, releases
from harness.report.findings.given import Given, Sentence, Teller
from harness.report.words import count, duration, listed, plural, stopped, title

#: The sentence of each finding.
SENTENCES: dict[FindingCode, Teller] = {
    **instrument.SENTENCES,
    **losses.SENTENCES,
    **in_place.SENTENCES,
    **completeness.SENTENCES,
    **notes.SENTENCES,
    **releases.SENTENCES,
}
#: In which order the findings of a cell are told.
_ORDER = {Weight.INSTRUMENT: 0, Weight.LOSS: 1, Weight.EVIDENCE: 2, Weight.NOTE: 3}
#: Notes that a reader must not miss although the verdict is the expected one.
_WARNINGS = (FindingCode.FIELD_ASSUMED, FindingCode.FALSE_GREEN, FindingCode.PRESTOP_FAILED, FindingCode.ROLLED_BACK)
#: What people call the signals that stop a run.
_SIGNALS = {1: "SIGHUP", 2: "Ctrl-C", 15: "SIGTERM"}
#: How many cells are named in a sentence.
_NAMED = 3


def explain(finding: Finding) -> Sentence:
    """What a finding means and what to do about it; with the trial's number where it has one."""
    sentence = SENTENCES[finding.code](Given(finding.numbers))
    trial = finding.numbers.get("trial")
    return Sentence(f"Trial {trial}: {sentence.text}", sentence.advice) if trial else sentence


def answer(run: RunVerdict) -> str:
    """Does a request get lost, and is that as expected? In one sentence; every report has it at its head or end."""
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
    """What the answer rests on."""
    sent, lost = sum(cell.sent for cell in run.cells), sum(cell.lost for cell in run.cells)
    trials = sum(trial.identity.planned > 0 for cell in run.cells for trial in cell.trials)
    # How long a run took that was killed, nobody knows.
    took = f"; {duration(run.seconds)}" if run.seconds else ""
    where = f"{plural(sent, 'request')} sent in {plural(trials, 'trial')}"
    return f"{where}, each tried exactly once; {count(lost)} lost{took}."


def by_configuration(run: RunVerdict) -> tuple[tuple[str, str], ...]:
    """Each configuration and what it costs."""
    return tuple((name, _cost([c for c in run.cells if c.configuration == name])) for name in run.configurations)


def reasons(cell: CellVerdict) -> tuple[tuple[Weight, Sentence], ...]:
    """Everything that was found in a cell, what decides first."""
    findings = sorted(cell.findings, key=lambda finding: _ORDER[finding.weight])
    return tuple((finding.weight, explain(finding)) for finding in findings)


def notable(run: RunVerdict) -> list[CellVerdict]:
    """Cells that need a reader: unexpected or inconclusive. Of those that were stopped there is nothing to read."""
    return [cell for cell in run.cells if not cell.as_expected and not stopped(cell)]


def warnings(run: RunVerdict) -> tuple[tuple[CellVerdict, Sentence], ...]:
    """What must not be missed in cells that are as expected: a false green, a hook that never ran."""
    return tuple(
        (cell, explain(finding))
        for cell in run.cells
        if cell.as_expected
        for finding in cell.findings
        if finding.code in _WARNINGS
    )


def opened(run: RunVerdict) -> frozenset[str]:
    """The ids of the cells that a report shows unfolded: those that need a reader, or else the first lossy one."""
    first = _having(run.cells, Verdict.LOSSY)[:1]
    return frozenset(cell.id for cell in notable(run) or first)


def _stopped(run: RunVerdict) -> str:
    """How far a run got that was stopped; what it found until then is told all the same."""
    known = sum(cell.verdict is not Verdict.INCONCLUSIVE for cell in run.cells)
    have = "has" if 1 in (known, len(run.cells)) else "have"
    how = f"Stopped by {_SIGNALS[run.signal]}" if run.signal in _SIGNALS else "The run did not get to its end"
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
    """A clause for each way in which cells are not as expected."""
    cells = [cell for cell in notable(run) if cell.verdict is not Verdict.INCONCLUSIVE]
    lossless = _having(cells, Verdict.LOSSLESS)
    lossy = _having(cells, Verdict.LOSSY)
    known = [cell for cell in lossy if cell.expected != Verdict.LOSSLESS]
    against = [cell for cell in lossy if cell.expected == Verdict.LOSSLESS]
    clauses: list[str] = []
    for group, what in (
        (against, "lost requests against expectation"),
        (lossless, "lost nothing although losses were expected"),
        (known, "lost requests in another way than expected"),
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
