"""Renders a document for the terminal: the overview, the notable cells, and at the end the answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import singledispatch

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table as Grid
from rich.text import Text

from harness.model.verdict import Verdict
from harness.report.blocks import (
    Account,
    Block,
    Detail,
    FailuresTable,
    Findings,
    LatencyLine,
    Lines,
    OutageTable,
    Paragraph,
    Remedy,
    shown,
)
from harness.report.document import Column, Conclusion, Document, Level, Row, Section, Table, Tally
from harness.report.labels import ICONS
from harness.wording import count, length, milliseconds, plural, share

_STYLES = {Verdict.LOSSLESS: "green", Verdict.LOSSY: "red", Verdict.INCONCLUSIVE: "yellow"}
#: Exit code -> colour of the answer; yellow for any other.
_ANSWERS = {0: "green", 1: "red"}
#: Terminal columns that a cell needs in words, and in numbers.
_WORDS, _LEAST = 20, 10
#: Terminal columns that the longest verdict needs. It is shortened if there are fewer.
_WHOLE = 14
#: Terminal columns that a table column needs in addition to its text.
_FRAME = 3
#: Longest name of a row in one line.
_NAMES = 30
#: Heading of the first column if cells are shown in numbers.
_NUMBERS = "lost/sent"
#: Short forms of verdicts for narrow columns.
_SHORT = {Verdict.INCONCLUSIVE: "inconcl."}
#: Longest column name in one line, if cells are shown in numbers.
_NAME = 10
#: Longest line of a sentence: wide lines are hard to read.
_LINE = 110
#: Longest list of outages on the terminal. The page has all of them.
_SHOWN = 10


def render(document: Document) -> RenderableType:
    """Return the whole report."""
    parts: list[RenderableType] = []
    if document.table:
        parts += [Text(), Rule(Text(document.title, style="bold"), align="left", style="dim"), Overview(document.table)]
    for section in document.brief(Detail.TERMINAL):
        parts += _section(section)
    style = f"bold {_ANSWERS.get(document.exit_code, 'yellow')}"
    parts += [Text(), _narrow(Text(document.closing, style=style)), _narrow(Text(document.totals, style="dim"))]
    return Group(*parts)


@dataclass(frozen=True, slots=True)
class Overview:
    """The table, whose cells are in words if the terminal is wide enough, and in numbers otherwise."""

    table: Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Yield one table, or several if the columns do not fit. Rich calls this with the available width."""
        del console
        table = self.table
        names = min(_NAMES, max((len(name) for row in table.rows for name in row.names), default=0))
        room = options.max_width - max(names, len(_NUMBERS)) - 4
        if room >= len(table.columns) * (_WORDS + _FRAME):
            yield _grid(table.columns, table.rows, in_words=True)
            return
        # Columns that do not fit go into another table below, so that no word is broken.
        most = max(1, room // (_LEAST + _FRAME))
        short = room < len(table.columns) * (_WHOLE + _FRAME)
        for first in range(0, len(table.columns), most):
            part = slice(first, first + most)
            rows = tuple(Row(row.names, row.cells[part]) for row in table.rows)
            yield _grid(table.columns[part], rows, in_words=False, short=short)


def _grid(columns: tuple[Column, ...], rows: tuple[Row, ...], *, in_words: bool, short: bool = False) -> Grid:
    grid = Grid(header_style="bold", border_style="dim", show_lines=True, padding=(0, 1))
    grid.add_column("" if in_words else _NUMBERS, style="bold", header_style="dim", overflow="fold", max_width=_NAMES)
    for column in columns:
        name = column.name
        # Break a long name at its hyphens.
        grid.add_column(Text(name if in_words or len(name) <= _NAME else name.replace("-", "-\n")), overflow="fold")
    for row in rows:
        head = Text(row.names[0])
        for name in row.names[1:]:
            head.append(f"\n{name}", style="not bold")
        grid.add_row(head, *(_cell(cell, in_words=in_words, short=short) for cell in row.cells))
    return grid


def _cell(cell: Tally | Conclusion | None, *, in_words: bool, short: bool) -> Text:
    if cell is None:
        return Text("–", style="dim")  # noqa: RUF001 - typography
    if isinstance(cell, Conclusion):
        return Text(cell.text, style=f"{'bold reverse ' if cell.is_alarm else ''}{_STYLES[cell.verdict]}")
    lost, sent = count(cell.lost), count(cell.sent)
    if cell.state:
        partly = f"\n{lost} of {sent} lost" if in_words else f"\n{lost}/{sent}"
        return Text(cell.state + (partly if cell.sent else ""), style="dim")
    word = _SHORT.get(cell.verdict, cell.verdict) if short else cell.verdict
    text = Text(f"{ICONS[cell.verdict]} {word}", style=f"bold {_STYLES[cell.verdict]}")
    rate = f" ({share(cell.lost, cell.sent)})" if cell.lost else ""
    text.append(f"\n{lost} of {sent} lost{rate}" if in_words else f"\n{lost}/{sent}", style="not bold default")
    if cell.cut:
        cut = f"{plural(cell.cut, 'connection')} cut" if in_words else f"{count(cell.cut)} cut"
        text.append(f"\n{cut}", style="not bold default")
    if cell.assumed:
        fields = plural(cell.assumed, "field") if in_words else f"{cell.assumed}"
        text.append(f"\n{fields} assumed", style="not bold")
    if cell.times:
        text.append(f"\np99 {milliseconds(cell.times[1])}", style="not bold dim")
    if cell.is_surprise:
        text.append(f"\nexpected {cell.expected}" if in_words else "\nunexpected", style="not bold reverse")
    return text


def _section(section: Section) -> Iterator[RenderableType]:
    blocks = [part for block in shown(section.blocks, Detail.TERMINAL) for part in _block(block)]
    if section.level is Level.PART:
        title = Text(section.title, style="bold")
        title.append(f"  {section.aside}" if section.aside else "", style="not bold dim")
        yield from (Text(), Rule(title, align="left", style="dim"), *blocks)
        return
    head = Text(f"\n{section.title}", style="bold")
    if section.verdict or section.remark:
        head.append(": ")
    if section.verdict:
        head.append(str(section.verdict), style=_STYLES[section.verdict])
        head.append(", " if section.remark else "", style="dim")
    head.append(section.remark, style="dim")
    yield Group(head, *blocks)


@singledispatch
def _block(block: Block) -> Iterator[RenderableType]:
    """Yield the parts of a block.

    Raises:
        TypeError: This format can't show such a block.
    """
    raise TypeError(f"{type(block).__name__} has no form in a terminal.")


@_block.register
def _(block: Paragraph) -> Iterator[RenderableType]:
    yield _narrow(Text(block.text, style="dim" if block.is_small else ""))


@_block.register
def _(block: Findings) -> Iterator[RenderableType]:
    for item in block.items:
        yield _item("•", Text(item.sentence.text))
        if item.sentence.advice:
            yield Padding(_item("→", Text(item.sentence.advice, style="dim")), (0, 0, 0, 2))


@_block.register
def _(block: Lines) -> Iterator[RenderableType]:
    for line in block.lines:
        yield _item("•", Text(line))


@_block.register
def _(block: Account) -> Iterator[RenderableType]:
    identity = block.identity
    lost = [(n, label, "bold red") for label, n in identity.lost.items()] or [(0, "lost", "bold red")]
    yield _sum(
        (identity.planned, "planned"),
        (identity.sent, "sent", ""),
        (identity.missed, "missed", "bold yellow"),
        (identity.abandoned, "abandoned", "bold yellow"),
        (identity.client_faults, "client faults", "bold yellow"),
    )
    yield _sum(
        (identity.sent, "sent"), (identity.ok, "ok", ""), *lost, (identity.unfinished, "unfinished", "bold yellow")
    )


def _sum(total: tuple[int, str], *terms: tuple[int, str, str]) -> Text:
    text = Text(f"{count(total[0])} {total[1]} = ")
    for index, (number, name, style) in enumerate(terms):
        text.append(" + " if index else "")
        text.append(f"{count(number)} {name}", style=style if number else "dim")
    return text


@_block.register
def _(block: LatencyLine) -> Iterator[RenderableType]:
    latency = block.latency
    values = zip(
        ("median", "99 %", "longest"),
        (latency.p50_planned, latency.p99_planned, latency.max_planned),
        strict=True,
    )
    text = ", ".join(f"{name} {milliseconds(value)}" for name, value in values)
    yield Text(f"latency, from the planned time: {text}")


@_block.register
def _(block: OutageTable) -> Iterator[RenderableType]:
    if not block.rows:
        return
    grid = Grid(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name, justify in (("outage began", "left"), ("lasted", "right"), ("lost", "right"), ("as", "left")):
        grid.add_column(name, justify="right" if justify == "right" else "left")
    rows = block.longest(_SHOWN)
    for row in rows:
        grid.add_row(
            row.began,
            length(row.seconds) + ("" if row.is_over else ", not over"),
            f"{count(row.lost)} of {count(row.sent)}",
            row.classes,
        )
    grid.caption, grid.caption_justify = block.more(len(rows)) or None, "left"
    yield grid


@_block.register
def _(block: Remedy) -> Iterator[RenderableType]:
    head = Text(block.title, style="bold")
    head.append(f"  {count(block.lost)} lost, {block.certainty}", style="not bold dim")
    yield _item("•", head)
    yield _below(Text(block.why))
    if block.change:
        what = Text("→ ")
        what.append(f"{block.object} {block.field}: " if block.object else "", style="bold")
        what.append(block.change)
        what.append(" This only hides the losses." if block.only_hides else "", style="yellow")
        yield _below(what)
    if block.derivation:
        yield _below(Text(block.derivation, style="dim"))
    if block.patch:
        yield _below(Text(block.patch.rstrip(), style="green"))
    if block.command:
        yield _below(Text(block.command, style="dim"))


@_block.register
def _(block: FailuresTable) -> Iterator[RenderableType]:
    if not block.total:
        return
    grid = Grid(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("sent at", "stream", "as", "meant for", "cause", "id"):
        grid.add_column(name)
    rows = block.rows[:_SHOWN]
    for row in rows:
        grid.add_row(f"{row.at:.3f} s", row.stream, row.answer, row.upstream, row.cause, row.id)
    yield grid
    if more := block.more(len(rows)):
        yield _narrow(Text(more, style="dim"))


def _below(text: Text) -> RenderableType:
    """Return a text under an item's bullet."""
    return Padding(_narrow(text), (0, 0, 0, 4))


def _item(bullet: str, text: Text) -> RenderableType:
    """Return a text with a bullet and a hanging indent."""
    grid = Grid.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=3, justify="right")
    grid.add_column(max_width=_LINE)
    grid.add_row(bullet, text)
    return grid


def _narrow(text: Text) -> RenderableType:
    """Return a text in lines of a readable length."""
    grid = Grid.grid()
    grid.add_column(max_width=_LINE)
    grid.add_row(text)
    return grid
