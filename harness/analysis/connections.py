"""Counts connections, because a reload interrupts them even if no request is lost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.analysis.evidence import Rows
from harness.analysis.facts import Facts, Mask
from harness.analysis.moments import NS
from harness.model.attempt import CloseReason, Progress, Shape
from harness.model.verdict import ConnectionCount

#: Shapes whose connections stay open after an answer.
KEPT = (Shape.REUSED, Shape.IDLE)


def alive_at(connections: Rows, moment: float, shapes: Sequence[Shape] = KEPT) -> Mask:
    """Return True for kept-alive connections that were open at a time (seconds from the start)."""
    at = moment * NS
    closed = np.where(connections["closed"] < 0, np.inf, connections["closed"].astype(np.float64))
    opened = (connections["connected"] >= 0) & (connections["connected"] <= at)
    alive: Mask = np.isin(connections["shape"], [int(shape) for shape in shapes]) & opened & (closed > at)
    return alive


def is_cut(facts: Facts) -> Mask:
    """Return True for kept-alive connections that the peer closed unannounced after the change began.

    Only those closed before sending stopped count.
    """
    rows, begin = facts.evidence.connections, facts.moments.begin
    if begin is None:
        return np.zeros(len(rows), dtype=bool)
    by_peer = np.isin(rows["reason"], [int(CloseReason.PEER_FIN), int(CloseReason.PEER_RST)])
    in_time = (rows["closed"] >= begin * NS) & (rows["closed"] <= facts.moments.stop * NS)
    # A connection that broke during its first request is a lost request, not a kept-alive connection.
    attempts = facts.evidence.attempts
    answered = attempts["connection"][attempts["progress"] == Progress.ANSWERED]
    cut: Mask = (
        by_peer & in_time & np.isin(rows["shape"], [int(shape) for shape in KEPT]) & np.isin(rows["number"], answered)
    )
    return cut


def count_connections(facts: Facts) -> ConnectionCount:
    """Return the counts of a trial's connections."""
    rows, cut = facts.evidence.connections, is_cut(facts)
    begin = facts.moments.begin
    return ConnectionCount(
        opened=len(rows),
        pooled=int(alive_at(rows, facts.moments.stop if begin is None else begin).sum()),
        cut=int(cut.sum()),
        cut_by_rst=int((rows["reason"][cut] == CloseReason.PEER_RST).sum()),
        requests_on_longest=int(rows["requests"].max(initial=0)),
    )
