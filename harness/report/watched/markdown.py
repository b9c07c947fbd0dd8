"""``summary.md`` of a watch: what a CI step summary shows of it."""

from __future__ import annotations

from collections.abc import Iterator

from harness.model.watch import OriginVerdict, Outage, WatchVerdict
from harness.report.markdown import safe
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
from harness.wording import count

#: Outages that a summary has room for.
_SHOWN = 20


def render(watch: WatchVerdict) -> str:
    """The document."""
    parts = [
        f"# {safe(', '.join(watch.urls))}",
        f"**{ICONS[watch.verdict]} {watch.verdict}: {safe(answer(watch))}**",
        *(part for origin in watch.origins for part in _origin(origin)),
        f"{totals(watch)} Exit code {watch.exit_code}.",
        f"```sh\n{watch.command}\n```",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _origin(origin: OriginVerdict) -> Iterator[str]:
    i = origin.trial.identity
    yield f"## {safe(origin.url)}: {origin.trial.verdict}"
    lost = classes(i.lost) or "lost 0"
    yield (
        f"planned {count(i.planned)} = sent {count(i.sent)} + missed {count(i.missed)} + abandoned "
        f"{count(i.abandoned)} + client faults {count(i.client_faults)}; sent {count(i.sent)} = ok {count(i.ok)} + "
        f"{lost.replace(', ', ' + ')} + unfinished {count(i.unfinished)}"
    )
    if origin.outages:
        shown = longest_outages(origin, _SHOWN)
        yield _table(origin, shown)
        yield more_outages(origin, len(shown))
    yield "\n".join(f"- {safe(told.text)} {safe(told.advice)}".rstrip() for _, told in reasons(origin))
    yield safe(sight(origin))


def _table(origin: OriginVerdict, outages: list[Outage]) -> str:
    rows = [["outage began", "lasted", "lost", "as"], ["---"] * 4]
    rows += [
        [
            began(origin, outage),
            length(outage.seconds) + ("" if outage.is_over else ", not over"),
            f"{count(outage.lost)} of {count(outage.sent)}",
            classes(outage.classes),
        ]
        for outage in outages
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
