"""A watch's account in a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from harness.model.verdict import Identity, Latency, Verdict
from harness.model.watch import OriginVerdict, WatchVerdict
from harness.report.terminal import narrow, told
from harness.report.watched.sentences import (
    answer,
    began,
    classes,
    length,
    longest_outages,
    more_outages,
    reasons,
    sight,
    totals,
)
from harness.report.words import ICONS
from harness.wording import count, milliseconds

_STYLES = {Verdict.LOSSLESS: "green", Verdict.LOSSY: "red", Verdict.INCONCLUSIVE: "yellow"}
#: Outages that a screen has room for; the report has all of them.
_SHOWN = 10


def render(watch: WatchVerdict) -> list[RenderableType]:
    """Everything, from top to bottom; the caller prints each part."""
    parts = [part for origin in watch.origins for part in _origin(origin)]
    if len(watch.origins) > 1:
        parts += [
            Text(),
            Rule(Text("all together", style="bold"), align="left", style="dim"),
            *_account(watch.identity),
        ]
    style = f"bold {_STYLES[watch.verdict]}"
    head = Text(f"{ICONS[watch.verdict]} {watch.verdict}: {answer(watch)}", style=style)
    return [*parts, Text(), narrow(head), narrow(Text(totals(watch), style="dim"))]


def _origin(origin: OriginVerdict) -> Iterator[RenderableType]:
    trial = origin.trial
    title = Text(origin.url, style="bold")
    title.append(f"  {origin.address}" if origin.address else "", style="not bold dim")
    yield Text()
    yield Rule(title, align="left", style="dim")
    yield from _account(trial.identity)
    if trial.latency.max:
        yield _latency(trial.latency)
    if origin.outages:
        yield _outages(origin)
    for _, sentence in reasons(origin):
        yield from told(sentence)
    if trial.identity.sent:
        yield narrow(Text(sight(origin), style="dim"))


def _account(identity: Identity) -> Iterator[RenderableType]:
    """The two sums."""
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


def _latency(latency: Latency) -> Text:
    planned = (latency.p50_planned, latency.p99_planned, latency.max_planned)
    return Text("latency, from the planned time: ").append(
        ", ".join(
            f"{name} {milliseconds(value)}" for name, value in zip(("median", "99 %", "longest"), planned, strict=True)
        )
    )


def _outages(origin: OriginVerdict) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name, justify in (("outage began", "left"), ("lasted", "right"), ("lost", "right"), ("as", "left")):
        table.add_column(name, justify="right" if justify == "right" else "left")
    shown = longest_outages(origin, _SHOWN)
    for outage in shown:
        table.add_row(
            began(origin, outage),
            length(outage.seconds) + ("" if outage.is_over else ", not over"),
            f"{count(outage.lost)} of {count(outage.sent)}",
            classes(outage.classes),
        )
    table.caption, table.caption_justify = more_outages(origin, len(shown)) or None, "left"
    return table
