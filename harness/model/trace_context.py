"""Derives the W3C trace context of an attempt from its id, so that a trace of the application leads to the ledger."""

from __future__ import annotations

import hashlib

_MASK = 2**64 - 1
#: Odd, so that multiplication by it is one to one; its bits spread consecutive numbers over the whole range.
_SPREAD = 0x9E3779B97F4A7C15


def trace_seed(token: str) -> int:
    """Return the 64 bits that all traces of one sender have in common.

    Args:
        token: The begin of the ids of its attempts: the id is ``<token>-<number>``.
    """
    return int.from_bytes(hashlib.sha256(token.encode()).digest()[:8], "big")


def trace_ids(seed: int, number: int) -> tuple[int, int]:
    """Return the trace id (128 bits) and the span id (64 bits) of an attempt.

    The lower halves of consecutive trace ids are spread over the whole range, since samplers decide by them. Neither id
    is ever 0, which the standard forbids.

    Args:
        seed: See ``trace_seed``.
        number: The attempt's number, from 0.
    """
    span = number + 1
    return (seed or 1) << 64 | ((span * _SPREAD + seed) & _MASK), span
