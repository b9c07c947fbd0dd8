"""The run's answer in a terminal: the matrix, the reasons for what is not as expected, and the answer itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from harness.model.verdict import CellVerdict, RunVerdict, Verdict
from harness.report.answering import lines
from harness.report.findings.given import Sentence
from harness.report.sentences import answer, notable, reasons, totals, warnings
from harness.report.words import ICONS, assumed, count, expected, plural, share, stopped, title

_STYLES = {Verdict.LOSSLESS: "green", Verdict.LOSSY: "red", Verdict.INCONCLUSIVE: "yellow"}
#: Columns that a cell needs to be told in words; below that it is told in numbers, which need fewer.
_WORDS, _LEAST = 20, 10
#: Columns that the longest verdict needs; where there are fewer, it is shortened.
_WHOLE = 14
#: What a column of the table has beside its text.
_FRAME = 3
#: Longest name of a configuration in one line.
_NAMES = 30
#: What numbers mean where there are no words.
_NUMBERS = "lost/sent"
#: A word that is longer than such a column.
_SHORT = {Verdict.INCONCLUSIVE: "inconcl."}
#: A longer name of a change takes two lines where room is short.
_NAME = 10
#: Sentences are easier to read in lines that end before the terminal does.
_LINE = 110


def render(run: RunVerdict) -> list[RenderableType]:
    """Everything, from top to bottom; the caller prints each part."""
    parts: list[RenderableType] = [Text(), Rule(Text(run.name, style="bold"), align="left", style="dim"), Matrix(run)]
    parts += [_reasons(cell) for cell in notable(run)]
    parts += [_answering(cell, told) for cell in run.cells if (told := lines(cell))]
    parts += [_warning(cell, sentence) for cell, sentence in warnings(run)]
    colour = {0: "green", 1: "red"}.get(int(run.exit_code), "yellow")
    parts += [Text(), narrow(Text(answer(run), style=f"bold {colour}")), narrow(Text(totals(run), style="dim"))]
    return parts


@dataclass(frozen=True, slots=True)
class Matrix:
    """The table of configurations (rows) and changes (columns): in words where there is room, in numbers where not."""

    run: RunVerdict

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Rich asks for it, with the width that there is."""
        del console
        names = min(_NAMES, max((len(name) for name in self.run.configurations), default=0))
        room = options.max_width - max(names, len(_NUMBERS)) - 4
        if room >= len(self.run.changes) * (_WORDS + _FRAME):
            yield _table(self.run, self.run.changes, in_words=True)
            return
        # More changes than there is room for make a table below the first: no word is broken.
        most = max(1, room // (_LEAST + _FRAME))
        short = room < len(self.run.changes) * (_WHOLE + _FRAME)
        for first in range(0, len(self.run.changes), most):
            yield _table(self.run, self.run.changes[first : first + most], in_words=False, short=short)


def _table(run: RunVerdict, changes: tuple[str, ...], *, in_words: bool, short: bool = False) -> Table:
    cells = {(cell.configuration, cell.change): cell for cell in run.cells}
    table = Table(header_style="bold", border_style="dim", show_lines=True, padding=(0, 1))
    table.add_column("" if in_words else _NUMBERS, style="bold", header_style="dim", overflow="fold", max_width=_NAMES)
    for change in changes:
        # A long name breaks where people would break it.
        table.add_column(
            Text(change if in_words or len(change) <= _NAME else change.replace("-", "-\n")), overflow="fold"
        )
    for name in run.configurations:
        shown = (_cell(cells.get((name, change)), in_words=in_words, short=short) for change in changes)
        table.add_row(Text(name), *shown)
    return table


def _cell(cell: CellVerdict | None, *, in_words: bool, short: bool) -> Text:
    if cell is None:
        return Text("–", style="dim")  # noqa: RUF001 - typography
    if how := stopped(cell):
        partly = (
            f"\n{count(cell.lost)} of {count(cell.sent)} lost"
            if in_words
            else f"\n{count(cell.lost)}/{count(cell.sent)}"
        )
        return Text(how + (partly if cell.sent else ""), style="dim")
    word = _SHORT.get(cell.verdict, cell.verdict) if short else cell.verdict
    text = Text(f"{ICONS[cell.verdict]} {word}", style=f"bold {_STYLES[cell.verdict]}")
    lost, sent = count(cell.lost), count(cell.sent)
    rate = f" ({share(cell.lost, cell.sent)})" if cell.lost else ""
    text.append(f"\n{lost} of {sent} lost{rate}" if in_words else f"\n{lost}/{sent}", style="not bold default")
    if cell.cut:
        cut = f"{plural(cell.cut, 'connection')} cut" if in_words else f"{count(cell.cut)} cut"
        text.append(f"\n{cut}", style="not bold default")
    if fields := assumed(cell):
        text.append(f"\n{plural(fields, 'field')} assumed" if in_words else f"\n{fields} assumed", style="not bold")
    if not cell.as_expected:
        text.append(f"\nexpected {expected(cell)}" if in_words else "\nunexpected", style="not bold reverse")
    return text


def _reasons(cell: CellVerdict) -> RenderableType:
    head = Text(f"\n{title(cell)}: ", style="bold")
    head.append(str(cell.verdict), style=_STYLES[cell.verdict])
    head.append(f", expected {expected(cell)}", style="dim")
    return Group(head, *(part for _, sentence in reasons(cell) for part in told(sentence)))


def _answering(cell: CellVerdict, told: tuple[str, ...]) -> RenderableType:
    head = Text(f"\n{title(cell)}: ", style="bold")
    head.append("who answered", style="dim")
    return Group(head, *(_item("•", Text(line)) for line in told))


def _warning(cell: CellVerdict, sentence: Sentence) -> RenderableType:
    head = Text(f"\n{title(cell)}: ", style="bold")
    head.append(f"{cell.verdict}, as expected, but", style="dim")
    return Group(head, *told(sentence))


def told(sentence: Sentence) -> Iterator[RenderableType]:
    """A finding, and what to do about it below it."""
    yield _item("•", Text(sentence.text))
    if sentence.advice:
        yield Padding(_item("→", Text(sentence.advice, style="dim")), (0, 0, 0, 2))


def _item(bullet: str, text: Text) -> RenderableType:
    """A text whose further lines begin below its first letter."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=3, justify="right")
    grid.add_column(max_width=_LINE)
    grid.add_row(bullet, text)
    return grid


def narrow(text: Text) -> RenderableType:
    """A text in lines that are not too long to be read."""
    grid = Table.grid()
    grid.add_column(max_width=_LINE)
    grid.add_row(text)
    return grid
