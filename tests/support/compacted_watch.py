"""A watch of some minutes whose ledger is in segments, whole and compacted, without files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from harness.analysis.compacting import Compacting, WholeSegment
from harness.analysis.evidence import Rows, TrialEvidence
from harness.analysis.moments import Moments
from harness.analysis.reducing import reduced
from harness.analysis.series import period_of
from harness.judging.watch import WATCH_BEGIN_S, OriginEvidence, WatchFacts, judge_watch
from harness.model.attempt import CloseReason
from harness.model.changes import NoChange
from harness.model.counted import CountedAttempts, KeepOk
from harness.model.shapes import KEPT_SHAPES, Shape
from harness.model.watch import WatchVerdict
from harness.testing.evidence import NS, PLAN, POOL, quiet_trial

#: Seconds of traffic, and of each segment.
STOP, SEGMENT = 160.0, 20.0
#: Eight requests a second, of four streams in turn.
TRAFFIC = replace(PLAN, rate=8.0)
WATCH = WatchFacts(urls=("http://a/",), command="harness watch http://a/", started="2026-01-02T03:04:05+00:00")


@dataclass(frozen=True)
class Parts:
    """Hold records in several arrays, as those of several files."""

    parts: tuple[Rows, ...]

    @property
    def part(self) -> np.dtype[np.void]:
        """Return the type of the records."""
        return self.parts[0].dtype

    def __iter__(self) -> Iterator[Rows]:
        """Yield the arrays that are not empty."""
        return (rows for rows in self.parts if len(rows))


def watched() -> TrialEvidence:
    """Return the traffic of a watch without any fault, with a connection for each request that has its own."""
    trial = quiet_trial(NoChange(name="none"), TRAFFIC, stop=STOP)
    rows = trial.attempts.copy()
    rows["responder"] = 1
    pool = trial.connections.copy()
    pool["closed"] = -1
    pool["reason"] = CloseReason.OPEN
    new = rows[rows["shape"] == Shape.NEW]
    own = np.zeros(len(new), pool.dtype)
    own["number"], own["connected"], own["closed"] = new["connection"], new["sent"], new["done"]
    own["requests"], own["shape"], own["reason"] = 1, Shape.NEW, CloseReason.BY_US
    connections = np.concatenate([pool, own])
    return replace(trial, timeline=(), manifests=(), attempts=rows, connections=connections)


def in_segments(trial: TrialEvidence) -> list[tuple[Rows, Rows]]:
    """Return attempts and connections of each segment; kept-alive connections have a record in each."""
    rows, links = trial.attempts, trial.connections
    found = []
    for start in np.arange(0, STOP, SEGMENT):
        # As a sender does, by the number: times may be wrong.
        first, end = round(start * 8), round((start + SEGMENT) * 8)
        attempts = rows[(rows["number"] >= first) & (rows["number"] < end)]
        begun = (links["number"] > first + POOL) & (links["number"] <= end + POOL)
        found.append((attempts, links[np.isin(links["shape"], KEPT_SHAPES) | begun]))
    return found


def compacted(trial: TrialEvidence, keep: KeepOk) -> tuple[TrialEvidence, tuple[CountedAttempts, ...]] | None:
    """Return the evidence as it is read of a watch whose first segments were compacted, and what was counted.

    Returns:
        The evidence; None if the ledger can't be judged in blocks.
    """
    whole = in_segments(trial)
    compacting = Compacting(trial.traffic, keep)
    attempts, links, counted = [part for part, _ in whole], [part for _, part in whole], list[CountedAttempts]()
    firsts = [round(start * 8) for start in np.arange(0, STOP, SEGMENT)]
    segments = [
        WholeSegment(number, first, Parts((rows,)), Parts((connections,)))
        for number, (first, (rows, connections)) in enumerate(zip(firsts, whole, strict=True))
    ]
    for number in range(len(segments) - 2):
        found = compacting.compact(segments[number], segments[number + 1], period_of(STOP))
        if found is not None:
            attempts[number], links[number] = found.attempts, found.connections
            counted.append(found.counted)
    read, highest = list[Rows](), 0
    for rows in links:
        read.append(rows[rows["number"] > highest])
        highest = max(highest, int(rows["number"].max()))
    moments = replace(Moments.of(trial), begin=WATCH_BEGIN_S)
    bare = replace(trial, attempts=trial.attempts[:0], connections=trial.connections[:0])
    evidence = reduced(bare, Parts(tuple(attempts)), Parts(tuple(read)), moments, counted)
    return None if evidence is None else (evidence, tuple(counted))


def judged(*trials: TrialEvidence) -> WatchVerdict:
    """Return the verdict of a watch with some origins."""
    return judge_watch(WATCH, [OriginEvidence("http://a", "10.0.0.1:80", each, 0) for each in trials])


def shifted(trial: TrialEvidence, start: float, end: float, *, late_ms: float = 0.0, slow_ms: float = 0.0) -> Rows:
    """Return the attempts, those of a period sent later or answered later, each by a little more than another."""
    rows = trial.attempts.copy()
    mine = (rows["planned"] >= start * NS) & (rows["planned"] < end * NS) & (rows["sent"] >= 0)
    spread = 1 + rows["number"][mine].astype(np.int64) % 5 / 3
    rows["sent"][mine] += (late_ms * 1e6 * spread).astype(np.int64)
    rows["done"][mine] += ((late_ms + slow_ms) * 1e6 * spread).astype(np.int64)
    return rows
