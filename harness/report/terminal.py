"""The run's answer in a terminal: the matrix, and the reasons for what is not as expected."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.model.verdict import CellVerdict, RunVerdict, Verdict
from harness.report.answer import headline, notable, reasons, standing, totals
from harness.report.words import ICONS, count, expected, plural, title

_STYLES = {Verdict.LOSSLESS: "green", Verdict.LOSSY: "red", Verdict.INCONCLUSIVE: "yellow"}


def render(run: RunVerdict) -> Iterator[RenderableType]:
    """Everything, from top to bottom."""
    yield render_table(run)
    for cell in notable(run):
        yield _reasons(cell)
    yield Text()
    yield Text(headline(run), style="bold")
    yield Text(standing(run), style="" if not notable(run) else "bold yellow")
    yield Text(totals(run), style="dim")


def render_table(run: RunVerdict) -> Table:
    """The matrix: configurations are rows, changes are columns."""
    cells = {(cell.configuration, cell.change): cell for cell in run.cells}
    table = Table(title=run.name, title_justify="left", header_style="bold", show_lines=True)
    table.add_column("", style="bold")
    for change in run.changes:
        table.add_column(Text(change), overflow="fold")
    for name in run.configurations:
        table.add_row(Text(name), *(_cell(cells.get((name, change))) for change in run.changes))
    return table


def _cell(cell: CellVerdict | None) -> Text:
    if cell is None:
        return Text("–", style="dim")  # noqa: RUF001 - typography
    text = Text(f"{ICONS[cell.verdict]} {cell.verdict}", style=_STYLES[cell.verdict])
    text.append(f"\n{count(cell.lost)} of {count(cell.sent)} lost", style="default")
    if cell.cut:
        text.append(f"\n{plural(cell.cut, 'connection')} cut", style="default")
    if not cell.as_expected:
        text.append("\nunexpected", style="bold reverse")
    return text


def _reasons(cell: CellVerdict) -> RenderableType:
    head = Text(f"\n{title(cell)}: ", style="bold")
    head.append(str(cell.verdict), style=_STYLES[cell.verdict])
    head.append(f", expected {expected(cell)}", style="dim")
    lines: list[RenderableType] = [head]
    for _, sentence in reasons(cell):
        lines.append(Padding(Text(f"• {sentence.text}"), (0, 0, 0, 2)))
        if sentence.advice:
            lines.append(Padding(Text(f"→ {sentence.advice}", style="dim"), (0, 0, 0, 4)))
    return Group(*lines)
