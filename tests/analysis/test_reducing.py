"""Judging in blocks: a few rows and counts of all others give the verdict of all rows, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from row_faults import ROW_FAULTS

from harness.analysis.accounts.records import OtherAccounts, ProxyLog, Receipts
from harness.analysis.evidence import Rows, TrialEvidence
from harness.analysis.moments import Moments
from harness.analysis.reducing import reduced
from harness.judging.trial import judge_trial
from harness.judging.watch import WATCH_BEGIN_S, OriginEvidence, WatchFacts, judge_watch
from harness.model.attempt import CloseReason, Outcome, Progress
from harness.model.changes import NoChange
from harness.model.experiment import TrafficPlan
from harness.model.shapes import Shape
from harness.model.verdict import Verdict
from harness.testing.evidence import PLAN, at, quiet_trial, with_cut_connections, with_losses, with_rows

NS = 1_000_000_000
#: Enough requests that most of them are only counted.
MANY = replace(PLAN, rate=800.0)
WATCH = WatchFacts(urls=("http://a/",), command="harness watch http://a/", started="2026-01-02T03:04:05+00:00")


@dataclass(frozen=True)
class InBlocks:
    """Hold records in blocks of a size."""

    rows: Rows
    size: int

    @property
    def part(self) -> np.dtype[np.void]:
        """Return the type of the records."""
        return self.rows.dtype

    def __iter__(self) -> Iterator[Rows]:
        """Yield the blocks."""
        for first in range(0, len(self.rows), self.size):
            yield self.rows[first : first + self.size]


def in_blocks(evidence: TrialEvidence, size: int = 97, begin: float | None = None) -> TrialEvidence | None:
    """Return the evidence reduced, as a large ledger would be."""
    moments = Moments.of(evidence)
    moments = moments if begin is None else replace(moments, begin=begin)
    bare = replace(evidence, attempts=evidence.attempts[:0], connections=evidence.connections[:0])
    return reduced(bare, InBlocks(evidence.attempts, size), InBlocks(evidence.connections, size), moments)


def few(evidence: TrialEvidence, size: int = 97, begin: float | None = None) -> TrialEvidence:
    """Return the evidence reduced; most of its rows must be counts."""
    found = in_blocks(evidence, size, begin)

    assert found is not None
    assert found.bulk is not None
    assert found.bulk.rows + len(found.attempts) == len(evidence.attempts)
    return found


def quiet(plan: TrafficPlan = MANY) -> TrialEvidence:
    """Return a trial without any fault."""
    return quiet_trial(plan=plan)


def watched(plan: TrafficPlan = MANY) -> TrialEvidence:
    """Return the traffic of a watch."""
    return replace(quiet_trial(NoChange(name="none"), plan), timeline=(), manifests=())


def test_most_attempts_of_a_quiet_trial_are_counted() -> None:
    """Otherwise nothing would be gained, and the tests below would compare rows with themselves."""
    found = few(quiet(), size=2400)

    assert found.bulk is not None
    assert found.bulk.rows > 0.9 * 2400
    assert judge_trial(found) == judge_trial(quiet())
    assert judge_trial(found).verdict is Verdict.LOSSLESS


FAULTS = {
    **ROW_FAULTS,
    "redirect": {"outcome": Outcome.STATUS, "status": 302, "responder": 3},
    "never connected": {"outcome": Outcome.TIMEOUT_CONNECT, "status": 0, "progress": Progress.NOT_CONNECTED},
    "another route": {"route": 0},
    "another shape": {"shape": Shape.SLOW},
    "another answer": {"responder": 9},
    "ended before it began": {"done": 5},
}


@st.composite
def damage(draw: st.DrawFn) -> tuple[str, float, float]:
    """Draw a fault of the attempts of some period."""
    kind = draw(st.sampled_from([*FAULTS, "late", "early", "slow", "planned otherwise"]))
    start = draw(st.floats(0, 3))
    return kind, start, start + draw(st.sampled_from([0.001, 0.01, 0.1, 0.4, 3.0]))


def damaged(evidence: TrialEvidence, faults: list[tuple[str, float, float]], amount: int) -> TrialEvidence:
    """Return the evidence with some faults; late and slow attempts are so by an amount of milliseconds."""
    for kind, start, end in faults:
        if kind in FAULTS:
            evidence = with_rows(evidence, start, end, **FAULTS[kind])
            continue
        rows = evidence.attempts.copy()
        mine = (rows["planned"] >= start * NS) & (rows["planned"] < end * NS) & (rows["sent"] >= 0)
        shift = amount * 1_000_000 * (1 + rows["number"][mine].astype(np.int64) % 5) // 3
        if kind == "planned otherwise":
            rows["planned"][mine] += 1
        elif kind == "early":
            rows["sent"][mine] = np.maximum(rows["sent"][mine] - shift // 100, 0)
        else:
            rows["done"][mine] += shift
            rows["sent"][mine] += shift if kind == "late" else 0
        evidence = replace(evidence, attempts=rows)
    return evidence


@settings(max_examples=20, deadline=None)
@given(faults=st.lists(damage(), max_size=4), amount=st.integers(1, 600), size=st.sampled_from([1, 50, 333, 5000]))
@example(faults=[("late", 1.2, 1.6)], amount=110, size=50)
@example(faults=[("late", 0.0, 3.0)], amount=300, size=333)
@example(faults=[("missed", 1.1, 1.5)], amount=1, size=97)
@example(faults=[("timeout", 1.2, 1.21), ("late", 1.1, 1.5)], amount=200, size=97)
def test_a_trial_has_the_same_verdict_in_blocks(faults: list[tuple[str, float, float]], amount: int, size: int) -> None:
    """Whatever the faults are, each number and finding is that of all rows."""
    trial = damaged(quiet(replace(PLAN, rate=200.0)), faults, amount)
    found = in_blocks(trial, size)

    if found is not None:
        assert judge_trial(found) == judge_trial(trial)


@settings(max_examples=12, deadline=None)
@given(faults=st.lists(damage(), max_size=4), amount=st.integers(1, 600), size=st.sampled_from([1, 50, 333, 5000]))
def test_a_watch_has_the_same_verdict_in_blocks(faults: list[tuple[str, float, float]], amount: int, size: int) -> None:
    """Outages, and the latency of several origins, are those of all rows, too."""
    trial = damaged(watched(replace(PLAN, rate=200.0)), faults, amount)
    found = in_blocks(trial, size, WATCH_BEGIN_S)

    def judged(*trials: TrialEvidence) -> object:
        return judge_watch(WATCH, [OriginEvidence("http://a", "10.0.0.1:80", each, 0) for each in trials])

    if found is not None:
        assert judged(found) == judged(trial)
        assert judged(found, watched()) == judged(trial, watched())


@pytest.mark.parametrize("plan", [
    replace(MANY, arrivals="poisson", seed=7),
    replace(MANY, shapes=(Shape.NEW, Shape.IDLE), idle=0.5),
    replace(MANY, shapes=(Shape.NEW, Shape.PREOPENED), preopened=0.5),
    replace(MANY, shapes=(Shape.REUSED, Shape.SLOW), slow=1.0),
    replace(MANY, shapes=(Shape.NEW,)),
])  # fmt: skip
def test_each_kind_of_traffic_has_the_same_verdict(plan: TrafficPlan) -> None:
    """Rows of connections that wait, and of slow answers, all stay."""
    trial = with_losses(quiet(plan), 1.3, 1.5)

    assert judge_trial(few(trial)) == judge_trial(trial)


@pytest.mark.parametrize("reason", [CloseReason.PEER_FIN, CloseReason.PEER_RST])
def test_cut_connections_are_counted_although_their_requests_are_not_kept(reason: CloseReason) -> None:
    """A connection is cut only if it carried an answer, which may be among the counted ones."""
    trial = with_cut_connections(quiet(), 1.4, reason, 3)
    verdict = judge_trial(few(trial))

    assert verdict.connections.cut == 3
    assert verdict == judge_trial(trial)


def test_a_count_that_is_wrong_breaks_the_identity() -> None:
    """Nobody can hide a request among those that are only counted."""
    found = few(quiet())
    assert found.bulk is not None
    verdict = judge_trial(replace(found, bulk=replace(found.bulk, rows=found.bulk.rows - 1)))

    assert verdict.verdict is Verdict.INCONCLUSIVE
    assert "identity-broken" in {finding.code for finding in verdict.findings}


def test_a_kept_row_that_is_taken_away_breaks_the_identity() -> None:
    """A loss that is removed from the rows is a request without a known end."""
    found = few(with_losses(quiet(), 1.3, 1.5))
    without = replace(found, attempts=found.attempts[found.attempts["outcome"] == Outcome.OK])

    assert judge_trial(without).verdict is Verdict.INCONCLUSIVE


def _twice(trial: TrialEvidence) -> TrialEvidence:
    return replace(trial, attempts=np.concatenate([trial.attempts, trial.attempts[-1:]]))


def _backwards(trial: TrialEvidence) -> TrialEvidence:
    return replace(trial, attempts=trial.attempts[::-1])


def _with_line(trial: TrialEvidence) -> TrialEvidence:
    none = np.zeros(0, np.int64)
    log = ProxyLog(
        attempts=np.ones(1, np.uint64), status=np.full(1, 200), tries_line=none, tries_address=none, tries_status=none,
        tries_connected=none, addresses=(), unreadable=none, lists_tries=True, logs_departures=True,
    )  # fmt: skip
    receipts = Receipts(read=none.astype(np.uint64), read_by=none, answered=none.astype(np.uint64),
                        answered_status=none, logs=())  # fmt: skip
    return replace(trial, others=OtherAccounts(log, receipts))


@pytest.mark.parametrize(
    "trial",
    [
        _twice(quiet()),
        _backwards(quiet()),
        _with_line(quiet()),
        replace(quiet(), workers=2),
        replace(quiet(), stopped_ns=None),
        replace(quiet(), stopped_ns=at(2.0), attempts=quiet().attempts[:1600]),
    ],
    ids=["a slot twice", "another order", "an access log", "several workers", "no end", "nothing after the change"],
)
def test_what_needs_all_rows_is_not_judged_in_blocks(trial: TrialEvidence) -> None:
    """Such a ledger is judged whole, however large it is."""
    assert in_blocks(trial) is None
