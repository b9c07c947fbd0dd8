"""Builds the report of a migration: both sides of each cell, the causes of differences, and ignored annotations."""

from __future__ import annotations

from collections.abc import Iterator

from harness.model.migration import CellPair, CellSide, Migration, MigrationOutcome
from harness.model.verdict import Verdict
from harness.report.blocks import Block, Detail, Findings, Item, Lines, Paragraph, Tone
from harness.report.document import Case, Column, Conclusion, Document, Row, Section, Status, Suite, Table, Tally
from harness.report.migration_text import OUTCOMES, answer, explain, figures, totals, why_unknown

_VERDICT = {
    MigrationOutcome.LOSSLESS: Verdict.LOSSLESS,
    MigrationOutcome.TARGET_LOSES: Verdict.LOSSY,
    MigrationOutcome.BOTH_LOSE: Verdict.LOSSY,
    MigrationOutcome.SOURCE_LOSES: Verdict.LOSSLESS,
    MigrationOutcome.UNKNOWN: Verdict.INCONCLUSIVE,
}
_STATUS = {MigrationOutcome.TARGET_LOSES: Status.FAILED, MigrationOutcome.UNKNOWN: Status.UNKNOWN}


def document(migration: Migration) -> Document:
    """Return the report of a migration."""
    return Document(
        name=migration.name,
        heading=(f"{migration.name}: {migration.source} → {migration.target}",),
        answer=answer(migration),
        totals=totals(migration),
        exit_code=migration.exit_code,
        process_code=migration.process_code,
        started=migration.started,
        seconds=migration.seconds,
        command=migration.command,
        table=_table(migration),
        sections=tuple(_sections(migration)),
        environment=migration.environment,
        suites=(
            Suite(
                f"{migration.name}: {migration.source} to {migration.target}",
                tuple(_case(migration, pair) for pair in migration.pairs),
            ),
        ),
    )


def _table(migration: Migration) -> Table:
    source, target = (f"{directory}/index.html" for directory in migration.directories)
    return Table(
        title="The same cells behind both controllers",
        corner="Cell",
        columns=(Column(migration.source, source), Column(migration.target, target), Column("the migration")),
        rows=tuple(
            Row(_names(pair), (_tally(pair.source), _tally(pair.target), _conclusion(migration, pair)))
            for pair in migration.pairs
        ),
        note="Each side is a complete, sealed run directory. Its report shows every loss next to the events around it.",
    )


def _tally(side: CellSide) -> Tally:
    return Tally(
        verdict=side.verdict,
        state=side.stopped,
        lost=side.lost,
        sent=side.sent,
        cut=side.cut,
        times=(side.p50, side.p99) if side.sent else None,
    )


def _conclusion(migration: Migration, pair: CellPair) -> Conclusion:
    return Conclusion(
        text=OUTCOMES[pair.outcome],
        code=pair.outcome.value,
        verdict=_VERDICT[pair.outcome],
        is_alarm=pair.outcome is MigrationOutcome.TARGET_LOSES,
        note=why_unknown(migration, pair) if pair.outcome is MigrationOutcome.UNKNOWN else "",
    )


def _sections(migration: Migration) -> Iterator[Section]:
    parts = tuple(_pair(migration, pair) for pair in migration.pairs if pair.differences or _is_unknown(pair))
    nothing = "None: no cell lost requests or connections behind one controller that it did not lose behind the other."
    if any(pair.differences for pair in migration.pairs):
        yield Section(names=("Causes of differences",), key="why", parts=parts)
    else:
        yield Section(
            names=("Causes of differences",),
            key="why",
            blocks=(Paragraph(text=nothing),),
            detail=Detail.PAGE,
        )
        yield from parts
    if migration.settings:
        items = []
        for each in migration.settings:
            label = str(each.numbers["about"]) or "annotation"
            items.append(Item(explain(migration, each), label, Tone.NOTE))
        names = (f"Annotations that {migration.target} ignores",)
        yield Section(names=names, key="settings", blocks=(Findings(items=tuple(items)),))


def _pair(migration: Migration, pair: CellPair) -> Section:
    blocks: list[Block] = []
    if pair.differences:
        tone = Tone.LOSS if pair.outcome is MigrationOutcome.TARGET_LOSES else Tone.NOTE
        items = tuple(
            Item(explain(migration, each, pair), each.code.value.replace("-", " "), tone) for each in pair.differences
        )
        blocks.append(Findings(items=items))
    if _is_unknown(pair):
        blocks.append(Lines(lines=(f"unknown: {why_unknown(migration, pair)}",)))
    return Section(names=_names(pair), blocks=tuple(blocks), detail=Detail.ALL if pair.differences else Detail.BRIEF)


def _case(migration: Migration, pair: CellPair) -> Case:
    summary = (
        f"{OUTCOMES[pair.outcome]}: {migration.source} {figures(pair.source)};"
        f" {migration.target} {figures(pair.target)}"
    )
    sentences = [explain(migration, each, pair) for each in pair.differences]
    unknown = [why_unknown(migration, pair)] if _is_unknown(pair) else []
    return Case(
        name=pair.change,
        group=(migration.name, pair.configuration),
        seconds=0.0,
        status=_STATUS.get(pair.outcome, Status.PASSED),
        kind=pair.outcome.value,
        summary=summary,
        message=summary,
        reasons=(*(f"{each.text} {each.advice}".rstrip() for each in sentences), *unknown),
    )


def _names(pair: CellPair) -> tuple[str, str]:
    return pair.configuration, pair.change


def _is_unknown(pair: CellPair) -> bool:
    return pair.outcome is MigrationOutcome.UNKNOWN
