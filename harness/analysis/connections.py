"""Counts connections, because a reload interrupts them even if no request is lost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.analysis.evidence import Rows
from harness.analysis.facts import Facts
from harness.analysis.moments import NS
from harness.analysis.planned import Integers
from harness.analysis.row_facts import Mask
from harness.model.attempt import CloseReason, Progress
from harness.model.schedule import Stream
from harness.model.shapes import KEPT_SHAPES, ConnectionSource, Shape, shapes_from
from harness.model.verdict import ConnectionCount


def alive_at(connections: Rows, moment: float, shapes: Sequence[Shape] = KEPT_SHAPES) -> Mask:
    """Return True for connections of some shapes that were open at a time (seconds from the start)."""
    at = moment * NS
    closed = np.where(connections["closed"] < 0, np.inf, connections["closed"].astype(np.float64))
    opened = (connections["connected"] >= 0) & (connections["connected"] <= at)
    alive: Mask = np.isin(connections["shape"], shapes) & opened & (closed > at)
    return alive


def is_kept_cut(connections: Rows) -> Mask:
    """Return True for kept-alive connections that the peer closed unannounced."""
    by_peer = np.isin(connections["reason"], [int(CloseReason.PEER_FIN), int(CloseReason.PEER_RST)])
    cut: Mask = by_peer & np.isin(connections["shape"], KEPT_SHAPES)
    return cut


def is_cut(facts: Facts) -> Mask:
    """Return True for kept-alive connections that the peer closed unannounced after the change began.

    Only those closed before sending stopped count.
    """
    rows, begin = facts.evidence.connections, facts.moments.begin
    if begin is None:
        return np.zeros(len(rows), dtype=bool)
    in_time = (rows["closed"] >= begin * NS) & (rows["closed"] <= facts.moments.stop * NS)
    # A connection that broke during its first request is a lost request, not a kept-alive connection.
    attempts = facts.evidence.attempts
    answered = attempts["connection"][attempts["progress"] == Progress.ANSWERED]
    if facts.evidence.bulk is not None:
        answered = np.union1d(answered, facts.evidence.bulk.answered)
    cut: Mask = is_kept_cut(rows) & in_time & np.isin(rows["number"], answered)
    return cut


def closed_unused(facts: Facts, begin: float) -> Mask:
    """Return True for connections that were opened ahead of need and ended by the peer, unused, since a moment.

    The moment is in seconds from the traffic's start.
    """
    rows = facts.evidence.connections
    by_us = np.isin(rows["reason"], (CloseReason.OPEN, CloseReason.BY_US))
    unused = np.isin(rows["shape"], shapes_from(ConnectionSource.AHEAD)) & (rows["requests"] == 0)
    in_time = (rows["connected"] >= 0) & (rows["closed"] >= begin * NS) & (rows["closed"] <= facts.moments.stop * NS)
    closed: Mask = unused & in_time & ~by_us
    return closed


def waited_unused(facts: Facts, stream: Stream) -> tuple[Mask, Integers]:
    """Find the attempts of a stream's shape whose connection had waited for long enough.

    Returns:
        True for these attempts; and the time at which each attempt's connection was opened, in nanoseconds from the
        origin; -1 for attempts of other shapes, and where it is not known.
    """
    attempts, rows = facts.evidence.attempts, facts.evidence.connections
    opened: Integers = np.full(len(attempts), -1, dtype=np.int64)
    mine = np.flatnonzero((attempts["shape"] == stream.shape) & facts.is_sent)
    rows = rows[(rows["shape"] == stream.shape) & (rows["connected"] >= 0)]
    rows = rows[np.lexsort((rows["number"], rows["worker"]))]
    keys, wanted = _keys(rows, "number"), _keys(attempts[mine], "connection")
    at = np.minimum(np.searchsorted(keys, wanted), max(0, len(keys) - 1))
    known = keys[at] == wanted if len(keys) else np.zeros(len(mine), dtype=bool)
    opened[mine[known]] = rows["connected"][at[known]]
    waited: Mask = (opened >= 0) & (attempts["sent"] - opened >= stream.unused_for * NS)
    return waited, opened


def _keys(rows: Rows, number: str) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Return one number for each row's worker and connection; numbers of connections fit into 32 bits."""
    keys: np.ndarray[tuple[int], np.dtype[np.uint64]] = (rows["worker"].astype(np.uint64) << np.uint64(32)) | rows[
        number
    ].astype(np.uint64)
    return keys


def count_connections(facts: Facts) -> ConnectionCount:
    """Return the counts of a trial's connections."""
    rows, cut, bulk = facts.evidence.connections, is_cut(facts), facts.evidence.bulk
    begin = facts.moments.begin
    return ConnectionCount(
        opened=len(rows) + (0 if bulk is None else bulk.connections),
        pooled=int(alive_at(rows, facts.moments.stop if begin is None else begin).sum()),
        cut=int(cut.sum()),
        cut_by_rst=int((rows["reason"][cut] == CloseReason.PEER_RST).sum()),
        requests_on_longest=int(rows["requests"].max(initial=0 if bulk is None else bulk.most_requests)),
    )
