"""``summary.md`` of a migration: what a CI step summary shows."""

from __future__ import annotations

from harness.model.migration import CellSide, Migration, Outcome
from harness.report.markdown import safe
from harness.report.migrated.sentences import OUTCOMES, answer, explain, figures, title, totals, why_unknown
from harness.report.words import ICONS, again


def render(migration: Migration) -> str:
    """The document."""
    told = [
        f"- {safe(sentence.text)} {safe(sentence.advice)}".rstrip()
        for sentence in (explain(migration, each) for each in migration.settings)
    ]
    parts = [
        f"# {safe(migration.name)}: {safe(migration.source)} → {safe(migration.target)}",
        f"**{safe(answer(migration))}**",
        _table(migration),
        *_differences(migration),
        *([f"## Annotations that {safe(migration.target)} ignores\n\n" + "\n".join(told)] if told else []),
        f"{safe(totals(migration))} Exit code {migration.process_code}.",
        f"```sh\n{again(migration.command)}\n```" if migration.command else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(migration: Migration) -> str:
    head = ["", safe(migration.source), safe(migration.target), ""]
    rows = [head, ["---"] * len(head)]
    rows += [
        [f"**{safe(title(pair))}**", _side(pair.source), _side(pair.target), OUTCOMES[pair.outcome]]
        for pair in migration.pairs
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _side(side: CellSide) -> str:
    return side.stopped or f"{ICONS[side.verdict]} {side.verdict}<br>{figures(side)}"


def _differences(migration: Migration) -> list[str]:
    parts = []
    for pair in migration.pairs:
        sentences = [explain(migration, each, pair) for each in pair.differences]
        lines = [f"- {safe(each.text)} {safe(each.advice)}".rstrip() for each in sentences]
        if pair.outcome is Outcome.UNKNOWN:
            lines.append(f"- unknown: {safe(why_unknown(migration, pair))}")
        if lines:
            parts.append(f"## {safe(title(pair))}\n\n" + "\n".join(lines))
    return parts
