"""Defines the bytes of a ledger: one fixed-size record per attempt and one per connection.

Times are nanoseconds from the ledger's start (a CLOCK_MONOTONIC value in its ``traffic.jsonl``), or ``NEVER``.
``docs/reference/ledger.md`` explains the fields; a new field needs a new version.
"""

from __future__ import annotations

import numpy as np

VERSION = 1

#: The time of an event that did not happen.
NEVER = -1

#: 80 bytes. ``number`` counts the worker's slots from 0. ``written`` is 1 once the intent is in the file, and 0 in
#: unused room.
ATTEMPT = np.dtype(
    [
        ("number", "<u8"),
        ("planned", "<i8"),
        ("sent", "<i8"),
        ("connected", "<i8"),
        ("first_byte", "<i8"),
        ("done", "<i8"),
        ("connection", "<u4"),
        ("bytes_out", "<u4"),
        ("bytes_in", "<u4"),
        ("errno", "<u2"),
        ("carried", "<u2"),
        ("status", "<u2"),
        ("responder", "<u2"),
        ("port", "<u2"),
        ("worker", "<u2"),
        ("route", "u1"),
        ("method", "u1"),
        ("shape", "u1"),
        ("outcome", "u1"),
        ("progress", "u1"),
        ("written", "u1"),
        ("spare", "V2"),
    ]
)

#: 48 bytes. ``number`` counts the worker's connections from 1; 0 in an attempt means that it had none.
CONNECTION = np.dtype(
    [
        ("number", "<u8"),
        ("begun", "<i8"),
        ("connected", "<i8"),
        ("closed", "<i8"),
        ("requests", "<u4"),
        ("port", "<u2"),
        ("worker", "<u2"),
        ("shape", "u1"),
        ("reason", "u1"),
        ("errno", "<u2"),
        ("written", "u1"),
        ("spare", "V3"),
    ]
)


def offset_of(dtype: np.dtype[np.void], field: str) -> int:
    """Return the place of a field in a record, in bytes from its begin."""
    fields = dtype.fields
    assert fields is not None
    return int(fields[field][1])
