"""Reads a large ledger once, to learn what the choice of its kept rows needs to know of the whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.analysis.bulk import Slots
from harness.analysis.evidence import Rows, TrialEvidence
from harness.analysis.measures import REPORTED_PERCENTILES
from harness.analysis.moments import NS, Moments, change_window
from harness.analysis.planned import Integers, planner, slots_until
from harness.analysis.quantiles import Distribution
from harness.analysis.row_facts import Mask, Numbers, RowFacts
from harness.analysis.slots import global_slots, is_foreign
from harness.analysis.thresholds import LATENESS_P99_MS, SENDER_PAUSE_MS
from harness.model.attempt import Outcome
from harness.model.counted import CountedAttempts

#: A request that was sent later than this is kept as a row, with its neighbours: the lowest limit of a check.
LATE_MS = min(LATENESS_P99_MS.value, SENDER_PAUSE_MS.value)
#: Requests that were due so long before and after one that got no answer are kept, in nanoseconds.
_AROUND = NS
#: Status of a proxy that got no answer itself.
_GATEWAY_TIMEOUT = 504


class UnusualLedgerError(ValueError):
    """A ledger has something that only judging all of its rows at once can judge."""


class Stretches:
    """Periods in nanoseconds from the origin that grow together where they touch."""

    def __init__(self) -> None:
        self._starts: Integers = np.zeros(0, np.int64)
        self._ends: Integers = np.zeros(0, np.int64)

    def add(self, starts: Integers, ends: Integers) -> None:
        """Add periods, in any order."""
        if not len(starts):
            return
        starts, ends = np.concatenate((self._starts, starts)), np.concatenate((self._ends, ends))
        order = np.argsort(starts, kind="stable")
        starts, reach = starts[order], np.maximum.accumulate(ends[order])
        first = np.flatnonzero(np.concatenate(([True], starts[1:] > reach[:-1])))
        self._starts, self._ends = starts[first], reach[np.append(first[1:] - 1, len(reach) - 1)]

    def contain(self, times: Integers) -> Mask:
        """Return True for times within a period."""
        if not len(self._starts):
            return np.zeros(len(times), dtype=bool)
        place = np.searchsorted(self._starts, times, side="right") - 1
        inside: Mask = (place >= 0) & (times <= self._ends[np.maximum(place, 0)])
        return inside


class LatencyMeasures:
    """The distributions of latency and lateness of a ledger."""

    def __init__(self, moments: Moments) -> None:
        self.from_sent, self.from_planned, self.late = (Distribution(REPORTED_PERCENTILES) for _ in range(3))
        self.late_during = Distribution((90,))
        self._window = change_window(moments)

    def add(self, own: RowFacts) -> None:
        """Count the attempts of a block."""
        for distribution, values in self._values(own):
            distribution.add(values)

    def add_counted(self, counted: CountedAttempts) -> None:
        """Add attempts that were counted earlier, all of which were sent during the change."""
        for period in counted.latency:
            self.from_sent.add_counted(period.latency)
        self.from_planned.add_counted(counted.planned_latency)
        self.late.add_counted(counted.lateness)
        self.late_during.add_counted(counted.lateness)

    def collect(self, own: RowFacts) -> None:
        """Keep the values around the wanted ranks, of the same attempts as before."""
        for distribution, values in self._values(own):
            distribution.collect(values)

    def _values(self, own: RowFacts) -> list[tuple[Distribution, Numbers]]:
        from_sent, from_planned = own.latencies(own.is_answered)
        late, good = own.late_ms, own.is_timed
        found = [(self.from_sent, from_sent), (self.from_planned, from_planned), (self.late, late[good])]
        if self._window is not None:
            during = good & (own.sent_s >= self._window[0]) & (own.sent_s <= self._window[1])
            found.append((self.late_during, late[during]))
        return found


class Survey:
    """The facts of a whole ledger, block by block, in the order of its slots.

    Args:
        evidence: The trial's evidence without attempts and connections.
        moments: Times of the change.
        counted: Attempts that were counted earlier and that the ledger has no more.

    Attributes:
        measures: Its latency and lateness.
        timed: Number of sent attempts with a time.
        latest: Time at which the last of them was sent, seconds.
        bounds: For each block, the time at which its first request was sent, seconds; infinity if there was none.
        keep: Periods whose attempts are kept.
        lost_connections: Numbers of the connections of attempts that were not answered rightly.
    """

    def __init__(self, evidence: TrialEvidence, moments: Moments, counted: Sequence[CountedAttempts] = ()) -> None:
        if evidence.stopped_ns is None or not evidence.origin_ns:
            raise UnusualLedgerError("the begin or the end of the schedule is unknown")
        self._evidence, self._moments = evidence, moments
        self._planned = slots_until(evidence.traffic, evidence.stopped_ns - evidence.origin_ns)
        self._times = planner(evidence.traffic)
        self._last = np.array([-1, -(2**62)])
        self._present = self._foreign = 0
        self.measures = LatencyMeasures(moments)
        self.timed, self.latest = 0, 0.0
        self.bounds: list[float] = []
        self.keep = Stretches()
        self._lost: list[Integers] = [np.zeros(0, np.int64)]
        for each in counted:
            self._take_counted(each)

    def _take_counted(self, counted: CountedAttempts) -> None:
        if counted.end > self._planned:
            raise UnusualLedgerError("attempts were counted that were not planned")
        self._present += counted.counted
        self.timed += counted.counted
        self.latest = max(self.latest, counted.latest)
        self.measures.add_counted(counted)

    def take(self, rows: Rows) -> None:
        """Read a block.

        Raises:
            UnusualLedgerError: Its rows are not in the order of their slots.
        """
        own = RowFacts.of(self._evidence, self._moments, rows)
        self._count_slots(rows)
        self.measures.add(own)
        sent = own.sent_s[own.is_timed]
        self.timed += len(sent)
        self.latest = max(self.latest, float(sent.max(initial=0.0)))
        self.bounds.append(float(sent.min(initial=np.inf)))
        self._mark(own)
        failed = own.is_lost | (own.outcome == Outcome.UNFINISHED)
        self._lost.append(rows["connection"][failed].astype(np.int64))

    @property
    def slots(self) -> Slots:
        """Return the comparison with the schedule."""
        return Slots(self._planned, self._present, 0, self._foreign)

    @property
    def lost_connections(self) -> Integers:
        """Return the connections whose records the failed attempts need."""
        return np.unique(np.concatenate(self._lost))

    def foreign(self, rows: Rows) -> Mask:
        """Return True for rows that do not match a planned slot."""
        numbers = rows["number"].astype(np.int64)
        return is_foreign(self._evidence.traffic, rows, numbers, self._planned, self._times)

    def _count_slots(self, rows: Rows) -> None:
        numbers = global_slots(rows, 1, 1)
        for each, (column, least) in enumerate(((numbers, 1), (rows["planned"], 0))):
            if (np.diff(column, prepend=self._last[each]) < least).any():
                raise UnusualLedgerError("the rows are not in the order of their slots")
            self._last[each] = column[-1]
        self._present += int((numbers < self._planned).sum())
        self._foreign += int(self.foreign(rows).sum())

    def _mark(self, own: RowFacts) -> None:
        """Mark the neighbourhood of late requests, and of losses that may be the sender's own fault."""
        rows = own.rows
        late = own.is_sent & (own.late_ms > LATE_MS)
        self.keep.add(rows["planned"][late] - round(LATE_MS * 1e6) - 1, rows["sent"][late] + 1)
        silent = np.isin(own.outcome, (Outcome.TIMEOUT_CONNECT, Outcome.TIMEOUT_RESPONSE))
        silent |= own.is_lost & (rows["status"] == _GATEWAY_TIMEOUT)
        when = np.where(rows["sent"][silent] >= 0, rows["sent"][silent], rows["done"][silent])
        self.keep.add(when - _AROUND, when + _AROUND)
