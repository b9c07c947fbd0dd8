"""Packs a table of failed attempts as data for the page's script, with each text once."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from harness.report.blocks import FailuresTable, TraceEvent
from harness.report.embedding import as_json


def packed(table: FailuresTable) -> Markup:
    """Return the table as JSON that can stand in a ``script`` element.

    ``rows`` has a list for each attempt: id, seconds, stream, outcome, status, upstream, cause, sentence, trace. A
    trace is a list of places in ``moments``, whose entries are seconds, kind, text and detail. Streams, outcomes,
    upstreams, causes and sentences are places in ``texts``.
    """
    texts: dict[str, int] = {}
    moments: dict[TraceEvent, int] = {}

    def place(text: str) -> int:
        return texts.setdefault(text, len(texts))

    rows: list[list[Any]] = [
        [
            row.id,
            row.at,
            place(row.stream),
            place(row.outcome),
            row.status,
            place(row.upstream),
            place(row.cause),
            place(row.because),
            [moments.setdefault(moment, len(moments)) for moment in row.trace],
        ]
        for row in table.rows
    ]
    return as_json(
        {
            "rows": rows,
            "texts": list(texts),
            "moments": [[moment.at, moment.kind, moment.text, moment.detail] for moment in moments],
        }
    )
