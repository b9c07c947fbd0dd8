"""Builds the report of a comparison: a row for each cell, and the smallest difference that would have been found."""

from __future__ import annotations

from collections.abc import Iterator

from harness.findings.finding_type import Sentence
from harness.model.comparison import ComparedCell, ComparedOutcome, ComparedSide, RunComparison, TransitionCounts
from harness.model.verdict import Verdict
from harness.report.blocks import Findings, Item, Paragraph, Tone
from harness.report.document import Case, Column, Conclusion, Document, Row, Section, Status, Suite, Table
from harness.wording import count, listed, plural, probability

_WORDS = {
    ComparedOutcome.WORSE: "worse",
    ComparedOutcome.BETTER: "better",
    ComparedOutcome.NO_DIFFERENCE_SHOWN: "no difference shown",
    ComparedOutcome.NOT_ENOUGH_EVIDENCE: "not enough evidence",
}
_VERDICTS = {
    ComparedOutcome.WORSE: Verdict.LOSSY,
    ComparedOutcome.BETTER: Verdict.LOSSLESS,
    ComparedOutcome.NO_DIFFERENCE_SHOWN: Verdict.LOSSLESS,
    ComparedOutcome.NOT_ENOUGH_EVIDENCE: Verdict.INCONCLUSIVE,
}
_TONES = {ComparedOutcome.WORSE: Tone.LOSS, ComparedOutcome.NOT_ENOUGH_EVIDENCE: Tone.EVIDENCE}
_STATUS = {ComparedOutcome.WORSE: Status.FAILED, ComparedOutcome.NOT_ENOUGH_EVIDENCE: Status.UNKNOWN}
RULES = (
    "A transition is one change under traffic. It is *lossy* if it lost a request, else *lossless*.",
    (
        "An *inconclusive* transition is neither, and is counted separately. The same holds for a transition whose "
        "own trial of the control has no answer, and for every transition of a cell whose control lost requests."
    ),
    (
        "A cell is repeated if one side lost requests and the other did not, or if Fisher's exact test finds the first "
        "look hard to explain by chance (p up to 0.05)."
    ),
    (
        "If a cell is repeated, its repetitions alone decide: worse or better if Fisher's exact test (two-sided) gives "
        "p up to 0.05, divided by the number of repeated cells."
    ),
    (
        "The smallest difference says how far apart the true shares of lossy transitions must be, so that the first "
        "look and the repetitions together find it with a probability of 80 %. If there is none, the evidence is not "
        "enough."
    ),
)


def document(comparison: RunComparison) -> Document:
    """Return the report of a comparison."""
    code = int(comparison.process_code)
    return Document(
        name=comparison.name,
        heading=(f"{comparison.name}: before and after",),
        answer=answer(comparison),
        totals=_totals(comparison),
        exit_code=code,
        process_code=128 + comparison.signal if comparison.signal else code,
        started=comparison.started,
        seconds=comparison.seconds,
        command=comparison.command,
        table=_table(comparison),
        sections=tuple(_sections(comparison)),
        environment={name: f"{old or 'none'} → {new or 'none'}" for name, (old, new) in comparison.differences.items()},
        rules=RULES,
        suites=(Suite(f"{comparison.name}: before and after", tuple(_case(comparison, c) for c in comparison.cells)),),
    )


def answer(comparison: RunComparison) -> str:
    """Return the result in one sentence."""
    if comparison.signal:
        return "Stopped before the end: no answer."
    worse, better = comparison.having(ComparedOutcome.WORSE), comparison.having(ComparedOutcome.BETTER)
    poor = comparison.having(ComparedOutcome.NOT_ENOUGH_EVIDENCE)
    parts = [f"Worse: {listed([_title(cell) for cell in worse])}"] if worse else []
    parts += [f"{'better' if parts else 'Better'}: {listed([_title(cell) for cell in better])}"] if better else []
    if poor or not comparison.cells:
        of = f"{count(len(poor))} of {plural(len(comparison.cells), 'cell')}"
        parts += [f"{'not' if parts else 'Not'} enough evidence for {of}"]
    return f"{'; '.join(parts) if parts else 'No difference shown'}."


def sentence(comparison: RunComparison, cell: ComparedCell) -> Sentence:
    """Return the result of a cell with its numbers, and advice."""
    if cell.before is None or cell.after is None:
        only = "after" if cell.before is None else "before"
        return Sentence(
            f"This cell is part of the run {only} only, so it can't be compared.", "Run the cell on both sides."
        )
    old, new = deciding(cell, cell.before), deciding(cell, cell.after)
    shares = f"{_lossy(old)} before and {_lossy(new)} after{', repeated' if old is cell.before.repeated else ''}"
    if cell.outcome is ComparedOutcome.NOT_ENOUGH_EVIDENCE:
        if old.inconclusive or new.inconclusive:
            more = "The report of the runs has the reasons; on a busy machine, lower --parallel or the rate."
        else:
            more = "--repeat N with a larger N, or more trials in the Experiment, gives more transitions."
        return Sentence(f"{shares}: so few transitions could not have shown any difference.", more)
    if cell.outcome is ComparedOutcome.NO_DIFFERENCE_SHOWN:
        return Sentence(f"{shares}. {_found(comparison, cell)}", "")
    by_chance = f"{shares}: chance alone explains this with p {probability(cell.chance)}"
    return Sentence(f"{by_chance}; a p up to {cell.level:.2g} counts as a difference.", "")


def deciding(cell: ComparedCell, side: ComparedSide) -> TransitionCounts:
    """Return the transitions of a side that decide: the repetitions if there are any."""
    return side.repeated if cell.is_suspect and side.repeated != TransitionCounts() else side.first


def _found(comparison: RunComparison, cell: ComparedCell) -> str:
    word = "fall" if cell.is_falling else "rise"
    return (
        f"A true {word} of the lossy share by {100 * cell.smallest:.0f} percentage points or more would have been "
        f"found with a probability of {100 * comparison.power:.0f} %."
    )


def _lossy(transitions: TransitionCounts) -> str:
    unknown = f" ({transitions.inconclusive} inconclusive)" if transitions.inconclusive else ""
    return f"{transitions.lossy} of {transitions.count} transitions lossy{unknown}"


def _table(comparison: RunComparison) -> Table:
    links = comparison.directories
    return Table(
        title="The same cells before and after",
        corner="Cell",
        columns=(Column("before", links.get("before", "")), Column("after", links.get("after", "")), Column("result")),
        rows=tuple(
            Row((c.configuration, c.change), (_cell(c, c.before), _cell(c, c.after), _result(c)))
            for c in comparison.cells
        ),
        note=f"Before: {comparison.before}. After: {comparison.after}.",
    )


def _cell(cell: ComparedCell, side: ComparedSide | None) -> Conclusion | None:
    if side is None:
        return None
    decides = deciding(cell, side)
    verdict = Verdict.LOSSY if decides.lossy else Verdict.LOSSLESS if decides.lossless else Verdict.INCONCLUSIVE
    unknown = f", {decides.inconclusive} inconclusive" if decides.inconclusive else ""
    return Conclusion(text=f"{decides.lossy} of {decides.count} lossy{unknown}", code="transitions", verdict=verdict)


def _result(cell: ComparedCell) -> Conclusion:
    return Conclusion(
        text=_WORDS[cell.outcome],
        code=cell.outcome.value,
        verdict=_VERDICTS[cell.outcome],
        is_alarm=cell.outcome is ComparedOutcome.WORSE,
    )


def _sections(comparison: RunComparison) -> Iterator[Section]:
    items = tuple(
        Item(_named(comparison, cell), _WORDS[cell.outcome], _TONES.get(cell.outcome, Tone.NOTE))
        for cell in comparison.cells
    )
    if items:
        yield Section(names=("Cell by cell",), key="cells", blocks=(Findings(items=items),))
    if comparison.differences:
        lines = [f"{name}: {old or 'none'} → {new or 'none'}" for name, (old, new) in comparison.differences.items()]
        blocks = tuple(Paragraph(text=line, is_small=True) for line in lines)
        yield Section(names=("Other differences",), key="surroundings", blocks=blocks)


def _named(comparison: RunComparison, cell: ComparedCell) -> Sentence:
    said = sentence(comparison, cell)
    return Sentence(f"{_title(cell)}: {said.text}", said.advice)


def _totals(comparison: RunComparison) -> str:
    first = sum(_transitions(side) for cell in comparison.cells for side in (cell.before, cell.after) if side)
    cells = sum(cell.is_suspect for cell in comparison.cells)
    again = f"; {plural(cells, 'cell')} repeated" if cells and comparison.repetitions else ""
    return f"{plural(first, 'transition')} in {plural(len(comparison.cells), 'cell')}{again}."


def _transitions(side: ComparedSide) -> int:
    both = side.first + side.repeated
    return both.count + both.inconclusive


def _case(comparison: RunComparison, cell: ComparedCell) -> Case:
    said = sentence(comparison, cell)
    return Case(
        name=cell.change,
        group=(comparison.name, cell.configuration),
        seconds=0.0,
        status=_STATUS.get(cell.outcome, Status.PASSED),
        kind=cell.outcome.value,
        summary=f"{_WORDS[cell.outcome]}: {said.text}",
        message=f"{_WORDS[cell.outcome]}: {said.text}",
        reasons=(f"{said.text} {said.advice}".rstrip(),),
    )


def _title(cell: ComparedCell) -> str:
    return f"{cell.configuration} × {cell.change}"  # noqa: RUF001 - typography
