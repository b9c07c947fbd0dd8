"""``summary.md`` for the step summary of a CI job."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatch

from harness.report.blocks import (
    Account,
    Block,
    Detail,
    FailuresTable,
    Findings,
    Lines,
    OutageTable,
    Paragraph,
    Remedy,
    shown,
)
from harness.report.document import Conclusion, Document, Level, Row, Section, Table, Tally
from harness.report.labels import ICONS, again
from harness.wording import count, length, milliseconds, plural, ranked

#: Longest list of outages in a summary.
_SHOWN = 20


def render(document: Document) -> str:
    """Return the file's content."""
    parts = [
        f"# {safe(document.title)}",
        f"**{safe(document.closing)}**",
        *(_table(document.table) if document.table else ()),
        *(part for section in document.brief(Detail.SUMMARY) for part in _section(section)),
        f"{safe(document.totals)} Exit code {document.process_code}.".lstrip(),
        f"```sh\n{again(document.command)}\n```" if document.command else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(table: Table) -> Iterator[str]:
    head = ["", *(safe(column.name) for column in table.columns)]
    rows = [head, ["---"] * len(head), *(_row(row) for row in table.rows)]
    yield "\n".join(f"| {' | '.join(row)} |" for row in rows)
    yield "\n".join(f"- **{safe(name)}** {safe(text)}" for name, text in table.summaries)


def _row(row: Row) -> list[str]:
    return [f"**{safe(' × '.join(row.names))}**", *map(_cell, row.cells)]  # noqa: RUF001 - typography


def _cell(cell: Tally | Conclusion | None) -> str:
    if cell is None:
        return ""
    if isinstance(cell, Conclusion):
        return cell.text
    lost = f"{count(cell.lost)} of {count(cell.sent)} lost"
    if cell.state:
        return f"{cell.state}<br>{lost}" if cell.sent else cell.state
    parts = [f"{ICONS[cell.verdict]} {cell.verdict}", lost]
    parts += [f"{count(cell.cut)} connections cut"] if cell.cut else []
    parts += [f"{plural(cell.assumed, 'field')} assumed"] if cell.assumed else []
    parts += [f"p99 {milliseconds(cell.times[1])}"] if cell.times else []
    parts += [f"**unexpected** ({cell.expected})"] if cell.is_surprise else []
    return "<br>".join(parts)


def _section(section: Section) -> Iterator[str]:
    title = safe(section.title)
    if section.level is Level.REMARK:
        yield f"**{title}**, {safe(section.remark)}:"
    else:
        remarks = ", ".join(part for part in (section.verdict or "", section.remark) if part)
        yield f"## {title}: {safe(remarks)}" if remarks else f"## {title}"
    for block in shown(section.blocks, Detail.SUMMARY):
        yield from _block(block)


@singledispatch
def _block(block: Block) -> Iterator[str]:
    """Yield the paragraphs of a block.

    Raises:
        TypeError: This format can't show such a block.
    """
    raise TypeError(f"{type(block).__name__} has no form in a summary.")


@_block.register
def _(block: Paragraph) -> Iterator[str]:
    yield safe(block.text)


@_block.register
def _(block: Findings) -> Iterator[str]:
    sentences = (item.sentence for item in block.items)
    yield "\n".join(f"- {safe(each.text)} {safe(each.advice)}".rstrip() for each in sentences)


@_block.register
def _(block: Lines) -> Iterator[str]:
    yield "\n".join(f"- {safe(line)}" for line in block.lines)


@_block.register
def _(block: Account) -> Iterator[str]:
    i = block.identity
    lost = " + ".join(f"{label} {count(n)}" for label, n in ranked(i.lost)) or "lost 0"
    yield (
        f"planned {count(i.planned)} = sent {count(i.sent)} + missed {count(i.missed)} + abandoned "
        f"{count(i.abandoned)} + client faults {count(i.client_faults)}; sent {count(i.sent)} = ok {count(i.ok)} + "
        f"{lost} + unfinished {count(i.unfinished)}"
    )


@_block.register
def _(block: OutageTable) -> Iterator[str]:
    if not block.rows:
        return
    shown_rows = block.longest(_SHOWN)
    rows = [["outage began", "lasted", "lost", "as"], ["---"] * 4]
    rows += [
        [
            row.began,
            length(row.seconds) + ("" if row.is_over else ", not over"),
            f"{count(row.lost)} of {count(row.sent)}",
            row.classes,
        ]
        for row in shown_rows
    ]
    yield "\n".join(f"| {' | '.join(row)} |" for row in rows)
    yield block.more(len(shown_rows))


@_block.register
def _(block: Remedy) -> Iterator[str]:
    lines = [f"**{safe(block.title)}** ({count(block.lost)} lost, {safe(block.certainty)}). {safe(block.why)}"]
    if block.change:
        where = f"`{block.object}` `{block.field}`: " if block.object else ""
        hides = " This only hides the losses." if block.only_hides else ""
        lines.append(f"- {where}{safe(block.change)} {safe(block.derivation)}".rstrip() + hides)
    yield "\n".join(lines)
    if block.patch:
        yield f"```yaml\n{block.patch.rstrip()}\n```"
    if block.command:
        yield f"```sh\n{block.command}\n```"


@_block.register
def _(block: FailuresTable) -> Iterator[str]:
    if not block.total:
        return
    shown_rows = block.rows[:_SHOWN]
    rows = [["sent at", "stream", "as", "meant for", "cause", "id"], ["---"] * 6]
    rows += [
        [f"{row.at:.3f} s", safe(row.stream), row.answer, safe(row.upstream), row.cause, f"`{row.id}`"]
        for row in shown_rows
    ]
    yield "\n".join(f"| {' | '.join(row)} |" for row in rows)
    yield block.more(len(shown_rows))


def safe(text: str) -> str:
    """Return text with table bars, newlines and HTML escaped."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
