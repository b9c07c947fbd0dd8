"""Reduces the evidence of a large ledger to the rows that judging looks at one by one, and counts of all others.

The ledger is read in blocks, twice, and the ledger of connections once, so memory does not grow with the traffic. An
attempt stays a row if it is not a right answer, was sent late, or was due close to a late request or to a loss without
an answer. All attempts of a stream stay whose connections wait or whose answers are delayed. Of the others only those
stay that a check must see: the first of each stream, and the ones around each gap in sending. The verdict is the same
as that of all rows.

A ledger of a watch may lack attempts that were counted earlier (``compacting.py``). Their counts are added to those of
this module, and the verdict is again the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from harness.analysis.accounts.trial import has_no_line
from harness.analysis.bulk import Bulk, BulkStream
from harness.analysis.connections import is_kept_cut
from harness.analysis.evidence import Rows, TrialEvidence
from harness.analysis.measures import latency_of
from harness.analysis.moments import NS, Moments
from harness.analysis.planned import Integers
from harness.analysis.row_facts import Mask, RowFacts, has_sane_success
from harness.analysis.series import SeriesCounter
from harness.analysis.survey import LATE_MS, Survey, UnusualLedgerError
from harness.analysis.thresholds import SEND_GAP_S
from harness.model.attempt import Outcome
from harness.model.counted import CountedAttempts
from harness.model.schedule import streams
from harness.model.shapes import SHAPES, ConnectionSource, shapes_from

#: Of each stream the first and the last request of so many seconds stay: a longer gap in sending is then exact.
_GAP_S = SEND_GAP_S.value * 0.8


class Blocks(Protocol):
    """The records of a ledger in blocks of any size."""

    @property
    def part(self) -> np.dtype[np.void]:
        """Return the type of a kept record."""
        ...

    def __iter__(self) -> Iterator[Rows]:
        """Read the records again from the first one."""
        ...


def reduced(
    evidence: TrialEvidence,
    attempts: Blocks,
    connections: Blocks,
    moments: Moments,
    counted: Sequence[CountedAttempts] = (),
) -> TrialEvidence | None:
    """Return evidence with a part of the attempts and connections as rows, and counts of the others.

    Args:
        evidence: The trial's evidence without attempts and connections.
        attempts: All its attempts, in the order of their slots.
        connections: All its connections.
        moments: Times of the change.
        counted: Attempts of a watch that were counted earlier and that the ledger has no more.

    Returns:
        The evidence; None if only judging all rows at once gives the verdict: several workers, rows in another order,
        changes that overlap or distinguish versions, records of other parties, or a stream that did not cover the
        change.
    """
    is_plain = evidence.change.during is None and not evidence.change.version_routes
    if evidence.workers > 1 or not is_plain or not has_no_line(evidence.others):
        return None
    try:
        ended, last = evidence, np.zeros(0, np.int64)
        if counted:
            ended, moments, last = _with_end(evidence, attempts, moments)
        survey = Survey(ended, moments, counted)
        survey.keep.add(last, last)
        for block in attempts:
            survey.take(block)
        links = _Connections(survey.lost_connections, counted)
        for block in connections:
            links.take(block)
        selection = _Selection(ended, moments, survey, links.cut(), counted)
        for block in attempts:
            selection.take(block)
        bulk = selection.bulk(links, attempts)
    except UnusualLedgerError:
        return None
    kept = _joined(selection.kept, attempts.part)
    return replace(evidence, attempts=kept, connections=_joined(links.kept, connections.part), bulk=bulk)


def _with_end(evidence: TrialEvidence, attempts: Blocks, moments: Moments) -> tuple[TrialEvidence, Moments, Integers]:
    """Return evidence and moments of a watch with the end of its schedule: the last recorded slot if it is unknown.

    Returns:
        Both, and the planned times of the attempts that show an unknown end.

    Raises:
        UnusualLedgerError: The attempts that were counted earlier are not all of one long change.
    """
    if moments.begin != 0 or moments.end is not None:
        raise UnusualLedgerError("attempts were counted whose place in the change is unknown")
    if evidence.stopped_ns is not None:
        return evidence, moments, np.zeros(0, np.int64)
    planned = done = latest = 0
    for rows in attempts:
        planned, place = max(planned, int(rows["planned"].max())), int(rows["done"].argmax())
        if rows["done"][place] > done:
            done, latest = int(rows["done"][place]), int(rows["planned"][place])
    ended = replace(evidence, stopped_ns=evidence.origin_ns + planned + 1)
    stop = round(max(planned, done) / NS, 6)
    return ended, replace(moments, stop=stop), np.array([latest, planned], np.int64)


class _Connections:
    """The connections that judging looks at one by one.

    Args:
        lost: Numbers of the connections of failed attempts.
        counted: Attempts that were counted earlier, with connections that were.
    """

    def __init__(self, lost: Integers, counted: Sequence[CountedAttempts]) -> None:
        self._lost = lost
        self.kept: list[Rows] = []
        self.others = sum(each.connections for each in counted)
        self.most_requests = max((each.most_requests for each in counted), default=0)

    def take(self, rows: Rows) -> None:
        keep = np.isin(rows["shape"], shapes_from(ConnectionSource.OWN), invert=True)
        keep |= _is_among(rows["number"], self._lost)
        self.kept.append(rows[keep])
        self.others += len(rows) - int(keep.sum())
        self.most_requests = max(self.most_requests, int(rows["requests"][~keep].max(initial=0)))

    def cut(self) -> Integers:
        """Return the numbers of kept-alive connections that the peer closed."""
        found = [rows["number"][is_kept_cut(rows)].astype(np.int64) for rows in self.kept]
        return np.unique(np.concatenate([np.zeros(0, np.int64), *found]))


class _Selection:
    """The choice of the attempts that stay rows, and the counts of the others."""

    def __init__(
        self,
        evidence: TrialEvidence,
        moments: Moments,
        survey: Survey,
        cut: Integers,
        counted: Sequence[CountedAttempts],
    ) -> None:
        self._evidence, self._survey, self._cut = evidence, survey, cut
        self._moments, self._change = moments, _period(moments)
        self._order = streams(evidence.traffic)
        self._is_plain = np.array([not each.delay and not SHAPES[each.shape].waits for each in self._order])
        bounds = np.array([*survey.bounds, np.inf])
        later = np.minimum.accumulate(bounds[::-1])[::-1][1:]
        self._series = SeriesCounter(moments.stop, survey.timed, survey.latest, later.tolist(), counted)
        self._is_answered = np.zeros(len(cut), dtype=bool)
        self._met = np.zeros(4 * len(self._order), dtype=bool)
        # Counts of the attempts that are not kept and of all, by stream: all, sent by the begin, by the end, due.
        self._others = np.zeros((4, len(self._order)), np.int64)
        self._all = np.zeros((4, len(self._order)), np.int64)
        self._responders = np.zeros(1 << 16, np.int64)
        self._per_second = np.zeros(int(survey.latest) + 1, np.int64)
        self.kept: list[Rows] = []
        self._counted = tuple(counted)
        for each in counted:
            self._take_counted(each)

    def _take_counted(self, counted: CountedAttempts) -> None:
        for counts in (self._others, self._all):
            counts[0] += np.array(counted.streams, np.int64)
        for number, count in counted.responders:
            self._responders[number] += count
        self._per_second[counted.second : counted.second + len(counted.per_second)] += counted.per_second
        self._is_answered |= np.isin(self._cut, counted.carriers)

    def take(self, rows: Rows) -> None:
        own = RowFacts.of(self._evidence, self._moments, rows)
        self._survey.measures.collect(own)
        self._series.take(own)
        keep = self._interesting(own)
        if self._change is not None:
            self._keep_gaps(own, keep, *self._change)
        self._count(own, ~keep)
        self.kept.append(rows[keep])

    def bulk(self, links: _Connections, ledger: Blocks) -> Bulk:
        measures = self._survey.measures
        return Bulk(
            rows=int(self._others[0].sum()),
            streams=self._streams(),
            responders=self._responders,
            per_second=self._per_second,
            answered=self._cut[self._is_answered],
            connections=links.others,
            most_requests=links.most_requests,
            slots=self._survey.slots,
            latency=latency_of(measures.from_sent, measures.from_planned),
            lateness=dict(zip(("p50", "p99", "max"), measures.late.percentiles(), strict=True)),
            late_p90_during=measures.late_during.percentiles()[0],
            series=self._series.series(),
            ledger=ledger,
            counted=self._counted,
        )

    def _streams(self) -> tuple[BulkStream, ...]:
        """Return the counts of each stream.

        Raises:
            UnusualLedgerError: A stream does not cover the change, so its longest gap counts, however short.
        """
        if self._change is not None:
            whole, before, through, due = self._all
            is_covered = (before > 0) & (whole > through) & ((through > before) | (due <= 1))
            if not is_covered.all():
                raise UnusualLedgerError("a stream does not cover the change")
        return tuple(
            BulkStream(ok=whole, before=before, during=through - before, due=due)
            for whole, before, through, due in self._others.T.tolist()
        )

    def _interesting(self, own: RowFacts) -> Mask:
        rows = own.rows
        is_plain = (own.outcome == Outcome.OK) & has_sane_success(self._evidence, rows)
        if self._survey.slots.foreign:
            is_plain &= ~self._survey.foreign(rows)
        is_plain &= self._is_plain[own.stream] & ~(own.late_ms > LATE_MS)
        keep: Mask = ~is_plain | self._survey.keep.contain(rows["planned"])
        # The first right answer of each stream, on a new and a reused connection, before and since the change.
        begin = np.inf if self._moments.begin is None else self._moments.begin
        kind = own.stream.astype(np.int64) * 4 + 2 * (rows["carried"] > 0) + (own.done_s >= begin)
        fresh = np.flatnonzero(~self._met[kind] & is_plain)
        if len(fresh):
            found, first = np.unique(kind[fresh], return_index=True)
            self._met[found] = True
            keep[fresh[first]] = True
        return keep

    def _keep_gaps(self, own: RowFacts, keep: Mask, begin: float, end: float) -> None:
        """Keep the first and the last request of each stream in each short period around the change."""
        timed = own.is_timed
        for index in range(len(self._order)):
            places = np.flatnonzero(timed & (own.stream == index))
            sent = own.sent_s[places]
            # Outside of the change a block is one period; a ledger's blocks are short enough.
            period = np.where(sent <= begin, -1, np.where(sent > end, -2, (sent / _GAP_S).astype(np.int64)))
            if (np.diff(sent) < 0).any():
                order = np.lexsort((sent, period))
                places, period = places[order], period[order]
            edges = np.flatnonzero(np.diff(period)) if len(period) else np.zeros(0, np.int64)
            keep[places[edges]] = keep[places[edges + 1]] = True
            keep[places[:1]] = keep[places[-1:]] = True

    def _count(self, own: RowFacts, others: Mask) -> None:
        rows, kinds = own.rows, len(self._order)
        timed = own.is_timed
        masks = [timed]
        if self._change is not None:
            begin, end = self._change
            due = (rows["planned"] >= begin * NS) & (rows["planned"] <= end * NS)
            masks += [timed & (own.sent_s <= begin), timed & (own.sent_s <= end), due]
        for place, mask in enumerate(masks):
            self._all[place] += np.bincount(own.stream[mask], minlength=kinds)
            self._others[place] += np.bincount(own.stream[mask & others], minlength=kinds)
        self._responders += np.bincount(rows["responder"][others], minlength=1 << 16)
        seconds = own.sent_s[others].astype(np.int64)
        if len(seconds):
            first = int(seconds.min())
            counts = np.bincount(seconds - first)
            self._per_second[first : first + len(counts)] += counts
        if len(self._cut):
            carried = rows["connection"][others].astype(np.int64)
            nearest = np.minimum(np.searchsorted(self._cut, carried), len(self._cut) - 1)
            self._is_answered[nearest[self._cut[nearest] == carried]] = True


def _period(moments: Moments) -> tuple[float, float] | None:
    """Return begin and end of the change; None if one of them is unknown."""
    return None if moments.begin is None or moments.end is None else (moments.begin, moments.end)


def _is_among(numbers: np.ndarray[tuple[int], np.dtype[np.integer]], wanted: Integers) -> Mask:
    """Return True for numbers that are among some sorted ones."""
    if not len(wanted):
        return np.zeros(len(numbers), dtype=bool)
    place = np.minimum(np.searchsorted(wanted, numbers.astype(np.int64)), len(wanted) - 1)
    found: Mask = wanted[place] == numbers
    return found


def _joined(parts: list[Rows], part: np.dtype[np.void]) -> Rows:
    """Return blocks as one array with the fields of a kept record."""
    rows = np.zeros(sum(map(len, parts)), part)
    for name in part.names or ():
        rows[name] = np.concatenate([each[name] for each in parts]) if parts else 0
    return rows
