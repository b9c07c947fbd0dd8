"""Reads the id that an attempt carries on the wire, ``<token>-<worker>-<number>``, as logs repeat it."""

from __future__ import annotations

#: Largest number of a worker, and of its slots: those of a ledger are smaller.
_WORKERS = 1 << 15
_SLOTS = 1 << 48


def parse_id(text: str, token: str) -> tuple[int, int] | None:
    """Return the worker and the slot of an attempt; None for another trial's id, or for none.

    Args:
        text: The id.
        token: The begin of the ids of the trial.
    """
    begin, _, rest = text.partition("-")
    worker, _, number = rest.partition("-")
    if begin != token or not (worker.isdecimal() and number.isdecimal()):
        return None
    found = int(worker), int(number)
    return found if found[0] < _WORKERS and found[1] < _SLOTS else None
