"""Chooses the attempts of a watch's segments that stay, and counts all others exactly.

Only a right answer on an own or a pooled connection is ever counted and not kept, and only if it lies further than
``AROUND_S`` from everything of interest. Of interest are attempts that are no right answers or were sent late, the
first occurrence of each answer (usually that of a new version), and the begin of the watch. So all rows stay that
``reducing.py`` keeps, and the verdict on the rest is that on the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.analysis.evidence import Rows, TrialEvidence
from harness.analysis.moments import NS, Moments
from harness.analysis.planned import Integers, planner
from harness.analysis.quantiles import bucket_counts
from harness.analysis.row_facts import Codes, Mask, Numbers, RowFacts, has_sane_success
from harness.analysis.slots import is_foreign
from harness.analysis.survey import LATE_MS, Stretches
from harness.model.attempt import Outcome
from harness.model.changes import NoChange
from harness.model.counted import CountedAttempts, KeepOk, PeriodLatency
from harness.model.experiment import TrafficPlan
from harness.model.schedule import streams
from harness.model.shapes import KEPT_SHAPES, SHAPES, ConnectionSource, shapes_from

#: Requests that were due within so many seconds before or after anything of interest stay.
AROUND_S = 5
#: Of the right answers elsewhere, ``sampled`` keeps one in so many.
SAMPLE = 100
#: Number of different answers whose first occurrence is of interest. An application with more different answers does
#: not show its version by them.
FIRST_ANSWERS = 100

_AROUND = AROUND_S * NS
#: Multiplier of Fibonacci hashing: it spreads consecutive numbers evenly over 64 bits.
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_SAMPLED_BELOW = np.uint64((1 << 64) // SAMPLE)


@dataclass(frozen=True, slots=True)
class CompactedSegment:
    """The part of a segment that stays.

    Attributes:
        attempts: The attempts that stay, as whole records.
        connections: The connections that stay.
        counted: The counts of all others.
    """

    attempts: Rows
    connections: Rows
    counted: CountedAttempts


@dataclass(frozen=True, slots=True)
class WholeSegment:
    """A complete segment as it was recorded.

    Attributes:
        number: Its number.
        first: Number of its first attempt.
        attempts: Its attempts in blocks; each iteration reads them from the first one.
        connections: Its connections, likewise.
    """

    number: int
    first: int
    attempts: Iterable[Rows]
    connections: Iterable[Rows]


def is_sampled(numbers: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> Mask:
    """Return True for the attempts that ``sampled`` keeps; it follows from the number alone."""
    found: Mask = numbers * _SPREAD < _SAMPLED_BELOW
    return found


class Compacting:
    """Compacts the segments of one sender, in their order.

    Args:
        traffic: The traffic as planned.
        keep: Which right answers stay far from everything of interest.
    """

    def __init__(self, traffic: TrafficPlan, keep: KeepOk) -> None:
        self._keep = keep
        self._times = planner(traffic)
        nothing: Rows = np.zeros(0, np.dtype([("planned", "<i8"), ("done", "<i8")]))
        self._bare = TrialEvidence(
            number=1, directory="", change=NoChange(name="none"), traffic=traffic, attempts=nothing,
            connections=nothing, origin_ns=1, stopped_ns=1,
        )  # fmt: skip
        self._moments = replace(Moments.of(self._bare), begin=0.0)
        self._is_plain = np.array([not each.delay and not SHAPES[each.shape].waits for each in streams(traffic)])
        self._stretches = Stretches()
        self._stretches.add(np.zeros(1, np.int64), np.full(1, _AROUND))
        self._has_answered = np.zeros(1 << 16, dtype=bool)
        #: Last planned time of each segment whose neighbourhood is marked.
        self._ends: dict[int, int] = {}
        #: Highest number of a connection in each segment and those before it.
        self._highest: dict[int, int] = {}

    def compact(self, segment: WholeSegment, following: WholeSegment, period: int) -> CompactedSegment | None:
        """Return what stays of a segment; None if it must stay as it is.

        It must if it is damaged (a gap in its numbers, or times out of order), if the segment after it is too short to
        show what is close to its end, or if all of its attempts stay.

        Args:
            segment: The segment; each one must be given once, in their order.
            following: The complete segment after it.
            period: Length of the periods of latency, seconds (``series.period_of``).
        """
        ends = [self._mark(each) for each in (segment, following)]
        earlier, carried = self._highest.get(segment.number - 1, 0), [np.zeros(0, np.uint64)]
        highest = max([earlier, *(int(rows["number"].max()) for rows in segment.connections)])
        self._highest[segment.number] = highest
        carried += [rows["number"][rows["number"] <= highest] for rows in following.connections]
        if ends[1] - ends[0] < _AROUND:
            return None
        counter = _Counter(self._bare, segment, period)
        kept, expected, latest = list[Rows](), segment.first, -1
        for rows in segment.attempts:
            numbers = rows["number"].astype(np.int64)
            if (numbers != np.arange(expected, expected + len(rows))).any():
                return None
            if (np.diff(rows["planned"], prepend=latest) < 0).any():
                return None
            own = RowFacts.of(self._bare, self._moments, rows)
            keep = self._keeps(own, counter.first_of_kind)
            counter.take(own, ~keep)
            kept.append(rows[keep])
            expected, latest = expected + len(rows), int(rows["planned"][-1])
        if not counter.counted:
            return None
        attempts = np.concatenate(kept)
        wanted = np.unique(np.concatenate([*carried, attempts["connection"].astype(np.uint64)]))
        links = _kept_connections(segment.connections, wanted, earlier, highest, counter)
        return CompactedSegment(attempts, links, counter.result(len(attempts)))

    def _keeps(self, own: RowFacts, met: Mask) -> Mask:
        """Return True for attempts that stay; ``met`` has the kinds of which one has been seen, and gets those here."""
        rows, is_right = own.rows, self._is_right(own)
        plain = is_right & self._is_plain[own.stream]
        keep: Mask = ~plain | self._stretches.contain(rows["planned"])
        if self._keep is KeepOk.SAMPLED:
            keep |= is_sampled(rows["number"])
        kind = own.stream.astype(np.int64) * 2 + (rows["carried"] > 0)
        fresh = np.flatnonzero(~met[kind] & plain)
        found, first = np.unique(kind[fresh], return_index=True)
        met[found] = True
        keep[fresh[first]] = True
        return keep

    def _is_right(self, own: RowFacts) -> Mask:
        """Return True for right answers, sent in time, of slots that were planned."""
        rows, late = own.rows, own.late_ms
        right: Mask = (own.outcome == Outcome.OK) & has_sane_success(self._bare, rows) & (late >= 0) & (late <= LATE_MS)
        numbers = rows["number"].astype(np.int64)
        right &= ~is_foreign(self._bare.traffic, rows, numbers, 1 << 40, self._times)
        return right

    def _mark(self, segment: WholeSegment) -> int:
        """Mark the neighbourhood of what is of interest, once for each segment. Return its last planned time."""
        if segment.number in self._ends:
            return self._ends[segment.number]
        latest = 0
        for rows in segment.attempts:
            own = RowFacts.of(self._bare, self._moments, rows)
            news = ~self._is_right(own)
            fresh = np.flatnonzero((rows["responder"] > 0) & ~self._has_answered[rows["responder"]])
            numbers, first = np.unique(rows["responder"][fresh], return_index=True)
            self._has_answered[numbers] = True
            news[fresh[first[numbers <= FIRST_ANSWERS]]] = True
            reach = np.maximum(np.maximum(rows["planned"], rows["sent"]), rows["done"])[news]
            self._stretches.add(rows["planned"][news] - _AROUND, reach + _AROUND)
            latest = int(rows["planned"][-1])
        self._ends[segment.number] = latest
        return latest


class _Counter:
    """Counts the attempts of a segment that do not stay.

    Attributes:
        counted: Their number.
        first_of_kind: By kind of attempt: True if one has been seen.
        connections: Number of connections that do not stay.
        most_requests: The most requests that one of these carried.
    """

    def __init__(self, bare: TrialEvidence, segment: WholeSegment, period: int) -> None:
        kinds = len(streams(bare.traffic))
        self.counted = self.connections = self.most_requests = 0
        self.first_of_kind = np.zeros(2 * kinds, dtype=bool)
        self._segment, self._period = segment, period
        self._streams = np.zeros(kinds, np.int64)
        self._responders = np.zeros(1 << 16, np.int64)
        self._carriers = [np.zeros(0, np.uint32)]
        self._sent = [np.zeros(0)]
        self._times = [np.zeros((3, 0))]

    def take(self, own: RowFacts, others: Mask) -> None:
        rows = own.rows[others]
        self.counted += len(rows)
        self._streams += np.bincount(own.stream[others], minlength=len(self._streams))
        self._responders += np.bincount(rows["responder"], minlength=1 << 16)
        self._carriers.append(np.unique(rows["connection"][np.isin(rows["shape"], KEPT_SHAPES)]))
        self._sent.append(own.sent_s[others])
        self._times.append(np.stack([*own.latencies(others), own.late_ms[others]]))

    def result(self, kept: int) -> CountedAttempts:
        sent = np.concatenate(self._sent)
        from_sent, from_planned, late = np.concatenate(self._times, axis=1)
        seconds = sent.astype(np.int64)
        found = np.flatnonzero(self._responders).tolist()
        return CountedAttempts(
            segment=self._segment.number,
            first=self._segment.first,
            attempts=kept + self.counted,
            kept=kept,
            counted=self.counted,
            streams=tuple(self._streams.tolist()),
            responders=tuple((number, int(self._responders[number])) for number in found),
            second=int(seconds.min()),
            per_second=tuple(np.bincount(seconds - seconds.min()).tolist()),
            latest=float(sent.max()),
            period=self._period,
            latency=tuple(_by_period(seconds // self._period * self._period, from_sent)),
            planned_latency=bucket_counts(from_planned),
            lateness=bucket_counts(late),
            carriers=tuple(np.unique(np.concatenate(self._carriers)).tolist()),
            connections=self.connections,
            most_requests=self.most_requests,
        )


def _by_period(starts: Integers, latency: Numbers) -> Iterator[PeriodLatency]:
    for start in np.unique(starts).tolist():
        yield PeriodLatency(start, bucket_counts(latency[starts == start]))


def _kept_connections(
    connections: Iterable[Rows], wanted: np.ndarray[tuple[int], np.dtype[np.uint64]], earlier: int, highest: int,
    counter: _Counter,
) -> Rows:  # fmt: skip
    """Return the connections that stay, and count the others.

    Connections stay if their shape keeps or prepares connections, if another segment has them too, or if they belong to
    attempts that stay. The one with the highest number stays as well: it shows which ones the next segment repeats.
    """
    kept = list[Rows]()
    for rows in connections:
        stays = np.isin(rows["shape"], shapes_from(ConnectionSource.OWN), invert=True)
        stays |= (rows["number"] <= earlier) | (rows["number"] == highest) | np.isin(rows["number"], wanted)
        kept.append(rows[stays])
        counter.connections += int((~stays).sum())
        counter.most_requests = max(counter.most_requests, int(rows["requests"][~stays].max(initial=0)))
    return np.concatenate(kept)


def with_counted(
    blocks: Iterable[Rows], counted: Sequence[CountedAttempts], traffic: TrafficPlan
) -> Iterator[tuple[Integers, Codes]]:
    """Yield planned times and outcome codes of all attempts in their order, those that were counted among them.

    Args:
        blocks: The attempts that the ledger has, in the order of their numbers.
        counted: The counts of the others, in the order of their segments.
        traffic: The traffic as planned.
    """
    times = planner(traffic)
    firsts = np.array([each.first for each in counted], np.int64)
    ends = np.array([each.end for each in counted], np.int64)
    expected = 0
    for rows in blocks:
        if not len(rows):
            continue
        numbers = rows["number"].astype(np.int64)
        missing = _counted_between(expected, numbers, firsts, ends)
        expected = int(numbers[-1]) + 1
        if not len(missing):
            yield rows["planned"].astype(np.int64), rows["outcome"]
            continue
        order = np.argsort(np.concatenate([numbers, missing]), kind="stable")
        planned = np.concatenate([rows["planned"], times(missing)])[order]
        yield planned, np.concatenate([rows["outcome"], np.full(len(missing), Outcome.OK, np.uint8)])[order]
    if len(rest := _counted_between(expected, np.array([ends.max(initial=expected)]), firsts, ends)):
        yield times(rest), np.full(len(rest), Outcome.OK, np.uint8)


def _counted_between(expected: int, numbers: Integers, firsts: Integers, ends: Integers) -> Integers:
    """Return the numbers from ``expected`` up to the last one that are missing, and within a compacted segment."""
    last = int(numbers[-1])
    parts = [np.zeros(0, np.int64)]
    meets = (firsts <= last) & (ends > expected)
    for first, end in zip(firsts[meets].tolist(), ends[meets].tolist(), strict=True):
        every = np.arange(max(first, expected), min(end, last))
        parts.append(every[~np.isin(every, numbers, assume_unique=True)])
    return np.concatenate(parts)
