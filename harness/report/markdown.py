"""``summary.md``: what a CI step summary shows of a run."""

from __future__ import annotations

from harness.model.verdict import CellVerdict, RunVerdict
from harness.report.answering import lines
from harness.report.sentences import answer, by_configuration, notable, reasons, totals, warnings
from harness.report.words import ICONS, again, assumed, count, expected, plural, stopped, title


def render(run: RunVerdict) -> str:
    """The document."""
    parts = [
        f"# {safe(run.name)}",
        f"**{safe(answer(run))}**",
        _matrix(run),
        "\n".join(f"- **{safe(name)}** {safe(text)}" for name, text in by_configuration(run)),
        *(_reasons(cell) for cell in notable(run)),
        *(_answering(cell) for cell in run.cells),
        *(f"**{safe(title(cell))}**: {safe(told.text)} {safe(told.advice)}" for cell, told in warnings(run)),
        f"{totals(run)} Exit code {run.process_code}.",
        f"```sh\n{again(run.command)}\n```",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _matrix(run: RunVerdict) -> str:
    cells = {(cell.configuration, cell.change): cell for cell in run.cells}
    head = ["", *(safe(change) for change in run.changes)]
    rows = [head, ["---"] * len(head)]
    rows += [
        [f"**{safe(name)}**", *(_cell(cells.get((name, change))) for change in run.changes)]
        for name in run.configurations
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(cell: CellVerdict | None) -> str:
    if cell is None:
        return ""
    if how := stopped(cell):
        return f"{how}<br>{count(cell.lost)} of {count(cell.sent)} lost" if cell.sent else how
    parts = [f"{ICONS[cell.verdict]} {cell.verdict}", f"{count(cell.lost)} of {count(cell.sent)} lost"]
    parts += [f"{count(cell.cut)} connections cut"] if cell.cut else []
    parts += [f"{plural(fields, 'field')} assumed"] if (fields := assumed(cell)) else []
    parts += [] if cell.as_expected else [f"**unexpected** ({expected(cell)})"]
    return "<br>".join(parts)


def _reasons(cell: CellVerdict) -> str:
    lines = [f"- {safe(sentence.text)} {safe(sentence.advice)}".rstrip() for _, sentence in reasons(cell)]
    return f"## {safe(title(cell))}: {cell.verdict}, expected {expected(cell)}\n\n" + "\n".join(lines)


def _answering(cell: CellVerdict) -> str:
    told = [f"- {safe(line)}" for line in lines(cell)]
    return "\n".join([f"**{safe(title(cell))}**, who answered:", "", *told]) if told else ""


def safe(text: str) -> str:
    """Text that can't be taken for a table's bar, a new line or HTML."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
