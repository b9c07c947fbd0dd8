"""Builds the report of a confirmation: how often a loss occurs again, and what lossy repetitions have in common."""

from __future__ import annotations

from collections.abc import Iterator

from harness.errors import ExitCode
from harness.findings.finding_type import Sentence
from harness.model.confirmation import Confirmation, ConfirmedCell, ConfirmedState
from harness.model.verdict import Verdict
from harness.report.blocks import Findings, Item, Paragraph, Tone
from harness.report.document import Case, Column, Conclusion, Document, Row, Section, Status, Suite, Table
from harness.wording import listed, plural, ratio

_WORDS = {
    ConfirmedState.ALWAYS: "lossy each time",
    ConfirmedState.SOMETIMES: "flaky",
    ConfirmedState.NOT_AGAIN: "not lossy again",
    ConfirmedState.UNKNOWN: "no answer",
}
_VERDICTS = {ConfirmedState.NOT_AGAIN: Verdict.LOSSLESS, ConfirmedState.UNKNOWN: Verdict.INCONCLUSIVE}
RULES = (
    "A loss stays a loss, however often the cell is lossless afterwards: the exit code of the run does not change.",
    "An *inconclusive* repetition counts neither as a loss nor as a pass.",
    "The rate is the share of lossy repetitions among those with an answer, with its exact 95 % interval.",
)


def document(confirmation: Confirmation) -> Document:
    """Return the report of a confirmation."""
    return Document(
        name=confirmation.name,
        heading=(f"{confirmation.name}: confirmation",),
        answer=answer(confirmation),
        totals=f"{plural(len(confirmation.cells), 'cell')}, {plural(confirmation.asked, 'repetition')} each.",
        exit_code=int(ExitCode.UNEXPECTED),
        process_code=128 + confirmation.signal if confirmation.signal else int(ExitCode.UNEXPECTED),
        started=confirmation.started,
        seconds=confirmation.seconds,
        command=f"harness reproduce {confirmation.bundle}",
        again="To reproduce it elsewhere",
        table=_table(confirmation),
        sections=tuple(_sections(confirmation)),
        rules=RULES,
        suites=(
            Suite(f"{confirmation.name}: confirmation", tuple(_case(confirmation, c) for c in confirmation.cells)),
        ),
    )


def answer(confirmation: Confirmation) -> str:
    """Return the result in one sentence."""
    parts = []
    for state, word in _WORDS.items():
        titles = [_title(cell) for cell in confirmation.cells if cell.state is state]
        parts += [f"{word}: {listed(titles)}"] if titles else []
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text else "Nothing to confirm."


def sentence(cell: ConfirmedCell) -> Sentence:
    """Return the rate of a cell, its interval, and what goes with its losses."""
    found = cell.repeated
    unknown = f", {found.inconclusive} inconclusive" if found.inconclusive else ""
    text = f"{_title(cell)}: {found.lossy} of {found.count} repetitions lossy{unknown}."
    if not found.count:
        return Sentence(text, "Repeat it on a machine with more free processor time.")
    text += f" The rate is {ratio(cell.rate.low)} to {ratio(cell.rate.high)}."
    if cell.state is not ConfirmedState.SOMETIMES:
        return Sentence(text, "")
    shares = [
        f"{each.code} in {each.lossy[0]} of {each.lossy[1]} lossy and {each.lossless[0]} of {each.lossless[1]} lossless"
        for each in cell.differences
    ]
    text += f" Findings that differ: {listed(shares)}." if shares else " Apart from the losses, no finding differs."
    times = [f"{name} {lossy:g} and {lossless:g}" for name, (lossy, lossless) in cell.times.items()]
    return Sentence(f"{text} Medians of lossy and lossless ones: {listed(times)}.", "")


def _table(confirmation: Confirmation) -> Table:
    return Table(
        title="How often it happens again",
        corner="Cell",
        columns=(Column("repetitions", "repetitions/index.html"), Column("rate"), Column("result")),
        rows=tuple(
            Row((cell.configuration, cell.change), (_repeated(cell), _rate(cell), _result(cell)))
            for cell in confirmation.cells
        ),
    )


def _repeated(cell: ConfirmedCell) -> Conclusion:
    found = cell.repeated
    unknown = f", {found.inconclusive} inconclusive" if found.inconclusive else ""
    return Conclusion(text=f"{found.lossy} of {found.count} lossy{unknown}", code="transitions", verdict=_verdict(cell))


def _rate(cell: ConfirmedCell) -> Conclusion:
    text = f"{ratio(cell.rate.low)} to {ratio(cell.rate.high)}" if cell.repeated.count else "unknown"
    return Conclusion(text=text, code="rate", verdict=_verdict(cell))


def _result(cell: ConfirmedCell) -> Conclusion:
    is_alarm = cell.state in {ConfirmedState.ALWAYS, ConfirmedState.SOMETIMES}
    return Conclusion(text=_WORDS[cell.state], code=cell.state.value, verdict=_verdict(cell), is_alarm=is_alarm)


def _verdict(cell: ConfirmedCell) -> Verdict:
    return _VERDICTS.get(cell.state, Verdict.LOSSY)


def _sections(confirmation: Confirmation) -> Iterator[Section]:
    items = tuple(Item(sentence(cell), _WORDS[cell.state], _tone(cell)) for cell in confirmation.cells)
    blocks = (Findings(items=items), Paragraph(text=f"To reproduce it: harness reproduce {confirmation.bundle}"))
    yield Section(names=("Cell by cell",), key="cells", blocks=blocks)


def _tone(cell: ConfirmedCell) -> Tone:
    return Tone.EVIDENCE if cell.state is ConfirmedState.UNKNOWN else Tone.LOSS


def _case(confirmation: Confirmation, cell: ConfirmedCell) -> Case:
    text = sentence(cell).text
    known = Status.UNKNOWN if cell.state is ConfirmedState.UNKNOWN else Status.FAILED
    return Case(
        name=cell.change,
        group=(confirmation.name, cell.configuration),
        seconds=0.0,
        status=known,
        kind=cell.state.value,
        summary=text,
        message=text,
        reasons=(text,),
    )


def _title(cell: ConfirmedCell) -> str:
    return f"{cell.configuration} × {cell.change}"  # noqa: RUF001 - typography
