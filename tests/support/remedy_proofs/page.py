"""Write the page of proofs from their record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.analysis.confidence import LEVEL
from harness.analysis.proportions import clopper_pearson
from remedy_proofs.rows import ROOT, Counted, Row, read

PAGE = ROOT / "docs" / "reference" / "proofs.md"

_HEAD = """# Proofs of remedies

This page is generated from `tests/proofs/measured.json`.

Each lossy row of these Experiments was run.
Then `harness prove` ran it again as it was and with its remedy, side by side.
A remedy is proved if no request is lost with it in three trials or more, and requests are lost without it.
Chance must not explain the difference.
Of {remedies} rows with a remedy, {proved} are proved.
A lossy row that is not listed has not been run.
All Experiments of the table are in `tests/support/remedy_proofs/rows.py`.

This command repeats the proofs of all Experiments, or of those that it names, and writes the page:

```
PYTHONPATH=tests/support python -m remedy_proofs experiments/sabotage-rollout.yaml
```

`--trials N` runs more trials of each row: a row that loses requests in one of three transitions needs five.
Run it on a machine that does nothing else.
Where the sender or the cluster waits for a processor, a proof ends without a result.
"""

_TABLE = """
## Rows with a remedy

*Before* and *after* are lossy transitions of all, and the requests that they lost.
*At most* is the upper bound of the probability that a transition with the remedy is lossy, with {level:g} % confidence.

| row | lost by | remedy | before | after | at most | trials | proved |
|---|---|---|---|---|---|---|---|
"""

_NO_FIELD = """
## Rows that no field helps

| row | lost by | what helps instead |
|---|---|---|
"""

_MISSING = """
## Not proved

"""


def page(rows: Iterable[Row]) -> str:
    """Return the page."""
    listed = list(rows)
    helped = [row for row in listed if row.remedy]
    open_rows = [row for row in helped if not row.is_proved]
    parts = [
        _HEAD.format(remedies=len(helped), proved=len(helped) - len(open_rows)),
        _TABLE.format(level=100 * LEVEL) + "".join(map(_with_remedy, helped)),
        _NO_FIELD + "".join(_without(row) for row in listed if not row.remedy),
    ]
    if open_rows:
        parts.append(_MISSING + "".join(f"- {_name(row)}: {_why(row)}.\n" for row in open_rows))
    parts.append(_made(listed))
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def _made(rows: Iterable[Row]) -> str:
    found = sorted({(row.date, row.version, row.cluster) for row in rows})
    lines = [f"- {date}: harness {version}, cluster `{cluster}`\n" for date, version, cluster in found]
    return "## Made on\n\n" + "".join(lines)


def _name(row: Row) -> str:
    return f"`{Path(row.experiment).stem}` `{row.cell.replace('--', '` / `')}`"


def _causes(lost: Mapping[str, int]) -> str:
    return ", ".join(f"`{code}` {count:,}" for code, count in lost.items())


def _with_remedy(row: Row) -> str:
    bound = (
        ""
        if row.after is None
        else f"{100 * clopper_pearson(row.after.lossy, row.after.count, 2 * LEVEL - 1).high:.0f} %"
    )
    cells = [_name(row), _causes(row.causes), f"`{row.remedy}`", _counted(row.before), _counted(row.after), bound]
    return f"| {' | '.join(cells)} | {row.trials} | {'yes' if row.is_proved else 'no'} |\n"


def _counted(found: Counted | None) -> str:
    return "" if found is None else f"{found.lossy} of {found.count}, {found.lost:,}"


def _without(row: Row) -> str:
    return f"| {_name(row)} | {_causes(row.causes)} | {row.advice} |\n"


def _why(row: Row) -> str:
    if row.after is None or row.before is None:
        return "it was not run"
    if row.after.lost:
        by = f", by {_causes(row.left)}.\n  {row.left_advice.rstrip('.')}" if row.left else ""
        return f"{row.after.lossy} of {row.after.count} transitions lost requests with the remedy{by}"
    if not row.before.lost:
        return "nothing was lost without the remedy either"
    return "nothing was lost with the remedy, but the evidence is not enough"


def write(path: Path = PAGE) -> None:
    """Write the page."""
    path.write_text(page(read()), encoding="utf-8")
