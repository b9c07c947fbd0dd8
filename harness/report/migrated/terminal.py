"""A migration in a terminal: both sides beside each other, what differs and why, and the answer."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from harness.model.migration import CellPair, CellSide, Migration, Outcome
from harness.model.verdict import Verdict
from harness.report.migrated.sentences import OUTCOMES, answer, explain, title, totals, why_unknown
from harness.report.terminal import narrow, told
from harness.report.words import ICONS
from harness.wording import count, milliseconds, plural

_STYLES = {Verdict.LOSSLESS: "green", Verdict.LOSSY: "red", Verdict.INCONCLUSIVE: "yellow"}
_OUTCOME_STYLES = {
    Outcome.LOSSLESS: "green",
    Outcome.TARGET_LOSES: "bold red reverse",
    Outcome.BOTH_LOSE: "red",
    Outcome.SOURCE_LOSES: "green",
    Outcome.UNKNOWN: "yellow",
}


def render(migration: Migration) -> list[RenderableType]:
    """Everything, from top to bottom; the caller prints each part."""
    head = f"{migration.name}: {migration.source} → {migration.target}"
    parts: list[RenderableType] = [Text(), Rule(Text(head, style="bold"), align="left", style="dim"), _table(migration)]
    parts += [_differences(migration, pair) for pair in migration.pairs if pair.differences]
    parts += [
        _headed(f"{title(pair)}: unknown", Text(why_unknown(migration, pair)))
        for pair in migration.having(Outcome.UNKNOWN)
    ]
    if migration.settings:
        sentences = [explain(migration, each) for each in migration.settings]
        parts.append(
            Group(
                Text(f"\nAnnotations that {migration.target} ignores", style="bold"),
                *(p for s in sentences for p in told(s)),
            )
        )
    colour = {0: "green", 1: "red"}.get(int(migration.exit_code), "yellow")
    parts += [Text(), narrow(Text(answer(migration), style=f"bold {colour}")), narrow(Text(totals(migration), "dim"))]
    return parts


def _table(migration: Migration) -> Table:
    table = Table(header_style="bold", border_style="dim", show_lines=True, padding=(0, 1))
    table.add_column("", style="bold", overflow="fold")
    table.add_column(migration.source, overflow="fold")
    table.add_column(migration.target, overflow="fold")
    table.add_column("the migration", overflow="fold")
    for pair in migration.pairs:
        name = Text(f"{pair.configuration}\n").append(pair.change, style="not bold")
        outcome = Text(OUTCOMES[pair.outcome], style=_OUTCOME_STYLES[pair.outcome])
        table.add_row(name, _side(pair.source), _side(pair.target), outcome)
    return table


def _side(side: CellSide) -> Text:
    if side.stopped:
        return Text(side.stopped + (f"\n{count(side.lost)} of {count(side.sent)} lost" if side.sent else ""), "dim")
    text = Text(f"{ICONS[side.verdict]} {side.verdict}", style=f"bold {_STYLES[side.verdict]}")
    text.append(f"\n{count(side.lost)} of {count(side.sent)} lost", style="not bold default")
    if side.cut:
        text.append(f"\n{plural(side.cut, 'connection')} cut", style="not bold default")
    if side.sent:
        text.append(f"\np99 {milliseconds(side.p99)}", style="not bold dim")
    return text


def _differences(migration: Migration, pair: CellPair) -> RenderableType:
    sentences = [explain(migration, each, pair) for each in pair.differences]
    return Group(Text(f"\n{title(pair)}", style="bold"), *(part for each in sentences for part in told(each)))


def _headed(head: str, body: Text) -> RenderableType:
    return Group(Text(f"\n{head}", style="bold"), narrow(body))
