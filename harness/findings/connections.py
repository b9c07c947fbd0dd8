"""Findings about kept-alive connections; they do not change the verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from harness.analysis.connections import alive_at, closed_unused, count_connections
from harness.analysis.facts import Facts
from harness.analysis.row_facts import Mask
from harness.findings.finding_type import Sentence, Subject, TrialFinding
from harness.model.attempt import CloseReason, Outcome
from harness.model.shapes import KEPT_SHAPES, ConnectionSource, shapes_from
from harness.model.verdict import Weight
from harness.wording import count, plural


@dataclass(frozen=True, kw_only=True)
class ConnectionsCut(
    TrialFinding,
    code="connections-cut",
    weight=Weight.NOTE,
    subjects={Subject.TRIAL, Subject.WATCH},
):
    """The peer closed kept-alive connections unannounced since the change began.

    Attributes:
        cut: Number of these connections, including those opened since.
        by_rst: Those of them that were closed by RST.
        pooled: Connections that were open when the change began.
        lost_reused: Requests lost together with their connection.
        times: Repetitions of the change.
        looks: True if the client checks that a connection is still open before it reuses it.
    """

    cut: int
    by_rst: int
    pooled: int
    lost_reused: int
    times: int
    looks: bool

    @classmethod
    def check(cls, facts: Facts) -> Iterator[ConnectionsCut]:
        """Yield a finding if a connection was cut."""
        counted = count_connections(facts)
        if counted.cut:
            yield cls(
                cut=counted.cut,
                by_rst=counted.cut_by_rst,
                pooled=counted.pooled,
                lost_reused=int(np.count_nonzero(_lost_by_cut(facts))),
                times=max(1, len(facts.moments.starts)),
                looks=facts.evidence.traffic.pool.look,
            )

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"{self._cut_of} {self._cost}",
            "A client that does not check before reuse loses one request per connection. Where a change of the "
            "Service can replace an edit of the Ingress, no connection is cut.",
        )

    def watch_sentence(self) -> Sentence:
        """Return text and advice for a watch."""
        return Sentence(
            f"{plural(self.cut, 'kept-alive connection was', 'kept-alive connections were')} closed by the other "
            f"side{self._rst}. {self._cost}",
            "A server that closes idle connections does this all the time; one that reloads or restarts closes many "
            "at once. A client that does not check before reuse loses one request per connection.",
        )

    @property
    def _cut_of(self) -> str:
        """Return how many of the open connections were cut.

        The client opens new ones, which the next repetition cuts again, so the number can exceed that of open
        connections.
        """
        if self.cut <= self.pooled:
            were = plural(self.cut, "kept-alive connection was", "kept-alive connections were")
            return f"{were} cut{self._rst}, of {count(self.pooled)} that were open when the change began."
        by = f"by {count(self.times)} changes" if self.times > 1 else "by the change"
        return (
            f"Kept-alive connections were cut {count(self.cut)} times{self._rst} {by}: the client had "
            f"{count(self.pooled)} of them open when it began, and opened new ones, which were cut again."
        )

    @property
    def _cost(self) -> str:
        lost = self.lost_reused
        if lost:
            return f"{plural(lost, 'request')} on reused connections {'was' if lost == 1 else 'were'} lost."
        looks = ", since this client checks a connection before it reuses it" if self.looks else ""
        return f"No request on a reused connection was lost{looks}."

    @property
    def _rst(self) -> str:
        return f" ({count(self.by_rst)} by RST)" if self.by_rst else ""


@dataclass(frozen=True, kw_only=True)
class UnusedClosed(
    TrialFinding,
    code="unused-closed",
    weight=Weight.NOTE,
    subjects={Subject.TRIAL, Subject.WATCH},
):
    """The peer closed connections that were opened ahead of need, before a request was due on them.

    Every real client notices that and opens another one, so no request is lost by it.

    Attributes:
        closed: Number of these connections since the change began.
        by_rst: Those of them that ended by RST.
        waiting: Connections that were open ahead of need when the change began.
    """

    closed: int
    by_rst: int
    waiting: int

    @classmethod
    def check(cls, facts: Facts) -> Iterator[UnusedClosed]:
        """Yield a finding if an unused connection was closed."""
        begin = facts.moments.begin
        if begin is None:
            return
        rows = facts.evidence.connections
        closed = closed_unused(facts, begin)
        if closed.any():
            yield cls(
                closed=int(np.count_nonzero(closed)),
                by_rst=int(np.count_nonzero(rows["reason"][closed] == CloseReason.PEER_RST)),
                waiting=int(np.count_nonzero(alive_at(rows, begin, shapes_from(ConnectionSource.AHEAD)))),
            )

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"{self._text} since the change began; {count(self.waiting)} were open then.",
            "No request was lost by that: a client notices it and opens another connection. A request that was sent "
            "at the same moment would be lost; the losses say whether that happened.",
        )

    def watch_sentence(self) -> Sentence:
        """Return text and advice for a watch."""
        return Sentence(f"{self._text}.", "Servers close connections that bring no request for a while.")

    @property
    def _text(self) -> str:
        by = f" ({count(self.by_rst)} by RST)" if self.by_rst else ""
        closed = plural(self.closed, "preopened connection was", "preopened connections were")
        return f"{closed} closed by the other side{by} before a request was due"


@dataclass(frozen=True, kw_only=True)
class NothingReused(TrialFinding, code="nothing-reused", weight=Weight.NOTE, subjects={Subject.WATCH}):
    """No request of a watch reused a connection, although that was requested.

    This is only a note, since every request is accounted for. The server closes every connection, or there were fewer
    requests than connections.
    """

    ok: int

    @classmethod
    def check(cls, facts: Facts) -> Iterator[NothingReused]:
        """Yield a finding if pooled requests were answered and none of them reused a connection."""
        rows = facts.evidence.attempts
        of_pool = (facts.outcome == Outcome.OK) & np.isin(rows["shape"], shapes_from(ConnectionSource.POOL))
        if of_pool.any() and not (of_pool & (rows["carried"] > 0)).any():
            yield cls(ok=int(np.count_nonzero(of_pool)) + _others_of_pool(facts))

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"None of the {plural(self.ok, 'request')} that should reuse a connection did, although all were "
            "answered: nothing is known of kept-alive connections.",
            "The server closes every connection, or there were fewer requests than connections: watch for longer, or "
            "leave them out with --connections new.",
        )


@dataclass(frozen=True, kw_only=True)
class PoolNotFilled(TrialFinding, code="pool-not-filled", weight=Weight.NOTE):
    """The pool had fewer open connections than requested when the change began."""

    pooled: int
    size: int

    @classmethod
    def check(cls, facts: Facts) -> Iterator[PoolNotFilled]:
        """Yield a finding if the pool was not full when the change began."""
        plan, begin = facts.evidence.traffic, facts.moments.begin
        pooled = shapes_from(ConnectionSource.POOL)
        if begin is None or not set(plan.shapes).intersection(pooled):
            return
        filled = int(np.count_nonzero(alive_at(facts.evidence.connections, begin, pooled)))
        if filled < plan.pool.size:
            yield cls(pooled=filled, size=plan.pool.size)

    def sentence(self) -> Sentence:
        """Return text and advice for a run."""
        return Sentence(
            f"When the change began, {count(self.pooled)} of {plural(self.size, 'pooled connection')} were "
            "open: the effect on kept-alive connections shows less than it could.",
            "Lengthen the baseline, raise the rate, or make the pool smaller.",
        )


def _others_of_pool(facts: Facts) -> int:
    """Return how many right answers on pooled connections are not among the rows."""
    bulk = facts.evidence.bulk
    if bulk is None:
        return 0
    pooled = shapes_from(ConnectionSource.POOL)
    return sum(bulk.streams[index].ok for index, stream in enumerate(facts.streams) if stream.shape in pooled)


def _lost_by_cut(facts: Facts) -> Mask:
    """Return True for requests lost with a kept-alive connection; those with any answer do not count."""
    rows = facts.evidence.attempts
    ended = np.isin(facts.outcome, (Outcome.CLOSED, Outcome.RESET)) & ~facts.is_before
    lost: Mask = ended & (rows["carried"] > 0) & np.isin(rows["shape"], KEPT_SHAPES)
    return lost
