"""Builds the report of a run: a table of configurations and changes, and a section for each cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.findings.registry import reasons
from harness.findings.stopping import stopped
from harness.findings.surroundings import FieldAssumed
from harness.model.verdict import CellVerdict, RunVerdict, TrialVerdict, Verdict
from harness.report import answering, causes
from harness.report.blocks import (
    Account,
    Block,
    Chart,
    Detail,
    Events,
    Evidence,
    ExpectationNote,
    Figures,
    Findings,
    Item,
    Lines,
    LossWindows,
    Paragraph,
    Tone,
    TrialHead,
    WhoAnswered,
)
from harness.report.detector import calibration_of, detector
from harness.report.document import Case, Column, Document, Fold, Level, Row, Section, Status, Suite, Table, Tally
from harness.report.labels import LABELS
from harness.report.run_text import (
    RULES,
    answer,
    by_configuration,
    expected,
    explained_cells,
    masking,
    notable,
    opened,
    title,
    totals,
    warnings,
)
from harness.report.traces import failures
from harness.wording import count, plural

_STATUS = {Verdict.LOSSLESS: Status.PASSED, Verdict.LOSSY: Status.FAILED, Verdict.INCONCLUSIVE: Status.UNKNOWN}


def document(run: RunVerdict) -> Document:
    """Return the report of a run."""
    return Document(
        name=run.name,
        heading=(run.name,),
        answer=answer(run),
        totals=totals(run),
        description=run.description,
        exit_code=run.exit_code,
        process_code=run.process_code,
        started=run.started,
        seconds=run.seconds,
        command=run.command,
        table=_table(run),
        sections=tuple(_sections(run)),
        environment=run.environment,
        thresholds=run.thresholds,
        rules=RULES,
        suites=tuple(
            Suite(name, tuple(_case(run, cell) for cell in run.cells if cell.configuration == name))
            for name in run.configurations
        ),
    )


def _table(run: RunVerdict) -> Table:
    reasons_of = {cell.id for cell in explained_cells(run)}
    cells = {
        (cell.configuration, cell.change): _tally(cell, f"why-{cell.id}" if cell.id in reasons_of else cell.id)
        for cell in run.cells
    }
    return Table(
        title="What each change costs",
        corner="Configuration",
        columns=tuple(Column(change) for change in run.changes),
        rows=tuple(
            Row((name,), tuple(cells.get((name, change)) for change in run.changes)) for name in run.configurations
        ),
        summaries=by_configuration(run),
    )


def _tally(cell: CellVerdict, target: str) -> Tally:
    return Tally(
        verdict=cell.verdict,
        state=stopped(cell),
        lost=cell.lost,
        sent=cell.sent,
        cut=cell.cut,
        masking=masking(cell),
        assumed=len({(each.object, each.field) for each in FieldAssumed.among(cell.findings)}),
        expected=expected(cell),
        is_surprise=not cell.as_expected,
        target=target,
    )


def _sections(run: RunVerdict) -> Iterator[Section]:
    warned = warnings(run)
    explained = tuple(_explanation(run, cell) for cell in explained_cells(run))
    if explained:
        yield Section(names=("Why, and what to change",), key="why", parts=explained)
    if warned:
        items = tuple(Item(sentence, title(cell), Tone.EVIDENCE, cell.id) for cell, sentence in warned)
        yield Section(names=("As expected, but",), key="warnings", blocks=(Findings(items=items),), detail=Detail.PAGE)
    if run.cells:
        yield Section(
            names=("Cell by cell",),
            key="cells",
            hint=_hint(run),
            parts=tuple(_cell(run, cell) for cell in run.cells),
            detail=Detail.PAGE,
        )
    yield from detector([trial for cell in run.cells for trial in cell.trials])
    for cell in run.cells:
        if cell not in notable(run) and (why := causes.in_brief(cell)):
            yield _remark(cell, "why", *why)
    for cell in run.cells:
        if lines := answering.lines(cell):
            yield _remark(cell, "who answered", Lines(lines=lines))
    for cell, sentence in warned:
        found = Findings(items=(Item(sentence, title(cell), Tone.EVIDENCE),))
        yield _remark(cell, f"{cell.verdict}, as expected, but", found)


def _remark(cell: CellVerdict, remark: str, *blocks: Block) -> Section:
    return Section(names=_names(cell), level=Level.REMARK, remark=remark, blocks=blocks, detail=Detail.BRIEF)


def _hint(run: RunVerdict) -> str:
    if notable(run):
        state = "Unexpected and inconclusive cells are open."
    elif run.signal:
        state = ""
    else:
        state = (
            "All cells are as expected; the first one that lost requests is open."
            if opened(run)
            else "All cells are as expected."
        )
    return f"A cell is one configuration under one change. {state}".rstrip()


def _explanation(run: RunVerdict, cell: CellVerdict) -> Section:
    """Return why a cell is lossy or not as expected, and what to change."""
    is_notable = cell in notable(run)
    return Section(
        names=_names(cell),
        key=f"why-{cell.id}",
        verdict=cell.verdict,
        remark=f"expected {expected(cell)}",
        detail=Detail.ALL if is_notable else Detail.PAGE,
        fold=Fold(
            is_open=cell.id in opened(run),
            flag="" if cell.as_expected else "not as expected",
            figures=f"{count(cell.lost)} of {count(cell.sent)} lost",
        ),
        blocks=(*_findings(cell), *causes.remedies(cell)),
        link=cell.id,
        link_text="Chart, account and connections",
    )


def _cell(run: RunVerdict, cell: CellVerdict) -> Section:
    """Return the section of a cell, with everything that was measured."""
    how = stopped(cell)
    cut = f" · {plural(cell.cut, 'connection')} cut" if cell.cut else ""
    figures = f"{count(cell.lost)} of {count(cell.sent)} lost · {masking(cell)}{cut}"
    several = len(cell.trials) > 1
    is_explained = cell in explained_cells(run)
    return Section(
        names=_names(cell),
        key=cell.id,
        verdict=cell.verdict,
        fold=Fold(
            is_open=cell.id in opened(run),
            state=how,
            flag="" if cell.as_expected or how else "not as expected",
            figures=figures if cell.sent or not how else "",
        ),
        blocks=(
            ExpectationNote(text=expected(cell), reason=cell.expected_reason),
            *(() if is_explained else _findings(cell, "Stopped" if how else "")),
            *_confidence(cell),
            *(block for trial in cell.trials for block in _trial(trial, several=several)),
        ),
        link=f"why-{cell.id}" if is_explained else "",
        link_text="Why, and what to change",
    )


def _findings(cell: CellVerdict, label: str = "") -> Iterator[Block]:
    found = reasons(cell.findings)
    if found:
        items = tuple(Item(sentence, label or LABELS[weight], Tone(weight.value)) for weight, sentence in found)
        yield Findings(items=items)
    elif cell.verdict is Verdict.LOSSLESS:
        yield Paragraph(text="No request was lost, and no finding casts doubt on that.", detail=Detail.PAGE)


def _confidence(cell: CellVerdict) -> Iterator[Block]:
    """Yield the claim that the transitions of a cell allow."""
    found = cell.confidence
    if not found.transitions or cell.verdict is Verdict.INCONCLUSIVE:
        return
    what = f"{count(found.lossy)} of {plural(found.transitions, 'transition')} lost requests"
    bound = f"at most {found.at_most:.1%} of such transitions do, with {found.level:.0%} confidence"
    more = f" Run {count(found.further)} more without a loss to claim less than 1 in {count(found.one_in)}."
    yield Paragraph(text=f"{what}: {bound}.{more if found.one_in else ''}", is_small=True, detail=Detail.PAGE)


def _trial(trial: TrialVerdict, *, several: bool) -> Iterator[Block]:
    """Yield everything about a trial, for the page."""
    if several:
        yield TrialHead(trial=trial)
    if trial.identity.planned:
        yield Chart(trial=trial)
        if trial.losing:
            yield LossWindows(windows=trial.losing)
        yield Account(identity=trial.identity, accounts=trial.accounts, detail=Detail.PAGE)
        if trial.failed.total:
            yield replace(failures(trial), detail=Detail.PAGE)
        yield WhoAnswered(answering=trial.answering)
        yield Figures(trial=trial)
        yield calibration_of(trial)
    else:
        yield Paragraph(text="Nothing was sent.", is_small=True, detail=Detail.PAGE)
    if trial.marks:
        yield Events(marks=trial.marks)
    if trial.directory:
        yield Evidence(directory=trial.directory)


def _case(run: RunVerdict, cell: CellVerdict) -> Case:
    what = stopped(cell) or cell.verdict
    summary = f"{what}: {count(cell.lost)} of {count(cell.sent)} lost, {count(cell.cut)} connections cut"
    is_known = cell.verdict is not Verdict.INCONCLUSIVE
    return Case(
        name=cell.change,
        group=(run.name, cell.configuration),
        seconds=round(sum(phase.end - phase.start for trial in cell.trials for phase in trial.phases), 3),
        status=Status.PASSED if cell.as_expected else Status.FAILED if is_known else Status.UNKNOWN,
        kind="inconclusive" if not is_known else cell.verdict if cell.as_expected else f"unexpectedly-{cell.verdict}",
        summary=summary,
        message=f"{summary}; expected {expected(cell)}",
        reasons=(
            *(f"{sentence.text} {sentence.advice}".rstrip() for _, sentence in reasons(cell.findings)),
            *map(causes.line, causes.causes_in(cell)),
        ),
        facts=answering.lines(cell),
        trials=tuple(_STATUS[trial.verdict] for trial in cell.trials),
    )


def _names(cell: CellVerdict) -> tuple[str, str]:
    return cell.configuration, cell.change
