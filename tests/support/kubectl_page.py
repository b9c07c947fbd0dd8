"""Generate ``docs/reference/kubectl.md`` from the rows: ``python tests/support/kubectl_page.py > FILE``."""

from __future__ import annotations

import sys
from collections import Counter

from kubectl_rows import ROWS, Result, Row

#: The minor releases with which every row was measured.
RELEASES = ("1.32", "1.33", "1.34", "1.35", "1.36", "1.37")

_HEAD = """\
# kubectl on the embedded cluster

The real `kubectl` works on the embedded cluster.
This page lists the commands that participants of the exercises type, and the result of each.
Each row is a test with the real `kubectl`: `tests/localkube/kubectl` runs the rows on the embedded cluster.
`python tests/support/kubectl_page.py > docs/reference/kubectl.md` regenerates this page from the rows.

All rows were measured with the releases {releases} (`python tests/support/kubectl_releases.py`).
Of {total} rows, {works} work, {differs} differ from a real cluster and {refused} are refused.

- **works**: the command does what it does on a real cluster; an error that a real cluster gives too is part of that.
- **differs**: it is accepted, and the note says what differs.
- **refused**: it fails, and the note has the message.

The names in the rows are those of the exercises: the Deployment `apple` and its Service.
The image of the pod `shell` has a shell.
"""
_SAMPLES = {
    "node": "localkube",
    "image": "hashicorp/http-echo:1.0",
    "image2": "hashicorp/http-echo:0.2.3",
    "shell": "xds2000/nginx-hostname",
    "namespace": "default",
    "folder": "/tmp",
}


def page() -> str:
    """Return the page."""
    counts = Counter(row.result for rows in ROWS.values() for row in rows)
    head = _HEAD.format(
        releases=f"{', '.join(RELEASES[:-1])} and {RELEASES[-1]}",
        total=counts.total(),
        works=counts[Result.WORKS],
        differs=counts[Result.DIFFERS],
        refused=counts[Result.REFUSED],
    )
    return head + "".join(_section(title, rows) for title, rows in ROWS.items())


def _section(title: str, rows: tuple[Row, ...]) -> str:
    lines = [f"\n## {title}\n", "| command | result | note |", "|---|---|---|", *map(_line, rows)]
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    command = row.command.format(**_SAMPLES).replace("|", "\\|")
    return f"| `{command}` | {row.result} | {_note(row)} |"


def _note(row: Row) -> str:
    """Return the note of a row; one without a note that fails gives an error as a real cluster does."""
    return (row.note or ("An error, as on a real cluster." if row.fails else "")).replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(page())
