"""Dropping right answers of a watch's ledger changes no verdict, finding, loss, cause or account."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from compacted_watch import STOP, TRAFFIC, Parts, compacted, in_segments, judged, shifted, watched
from hypothesis import example, given, settings
from hypothesis import strategies as st
from row_faults import ROW_FAULTS

from harness.analysis.compacting import AROUND_S, SAMPLE, Compacting, WholeSegment, is_sampled, with_counted
from harness.analysis.evidence import TrialEvidence
from harness.analysis.series import BINS, SeriesCounter, period_of
from harness.model.attempt import CloseReason, Outcome, Progress
from harness.model.counted import CountedAttempts, KeepOk
from harness.model.verdict import TrialVerdict, Verdict
from harness.model.watch import WatchVerdict
from harness.testing.evidence import NS, with_cut_connections, with_losses, with_rows

#: How much too high a percentile may be.
PART = 0.001

FAULTS = {**ROW_FAULTS, "another route": {"route": 9}, "planned otherwise": {"planned": 5}}


@st.composite
def damage(draw: st.DrawFn) -> tuple[str, float, float]:
    """Draw a fault of the attempts of some period."""
    kind = draw(st.sampled_from([*FAULTS, "late", "slow"]))
    start = draw(st.floats(0, STOP))
    return kind, start, start + draw(st.sampled_from([0.13, 0.5, 3.0, 30.0]))


def damaged(faults: list[tuple[str, float, float]], amount: int) -> TrialEvidence:
    """Return the traffic of a watch with some faults; late and slow attempts are so by an amount of milliseconds."""
    trial = watched()
    for kind, start, end in faults:
        if kind in FAULTS:
            trial = with_rows(trial, start, end, **FAULTS[kind])
        else:
            rows = shifted(trial, start, end, **{f"{kind}_ms": float(amount)})
            trial = replace(trial, attempts=rows)
    return trial


def few(trial: TrialEvidence, keep: KeepOk = KeepOk.NONE) -> tuple[TrialEvidence, tuple[CountedAttempts, ...]]:
    """Return the evidence compacted; some of its attempts must be counted only."""
    found = compacted(trial, keep)

    assert found is not None
    assert found[1]
    return found


def alike(trial: TrialVerdict) -> TrialVerdict:
    """Return a verdict without the values that are measured in buckets, and findings as their codes."""
    series = replace(trial.series, latency_p50=())
    return replace(trial, latency=replace(trial.latency, p50=0, p99=0, p50_planned=0, p99_planned=0),
                   lateness_ms={"max": trial.lateness_ms.get("max", 0)}, series=series, findings=())  # fmt: skip


def same(found: WatchVerdict, whole: WatchVerdict) -> None:
    """Compare two verdicts: all of it is equal, percentiles are never too low and hardly too high."""
    mine, theirs = found.origins[0].trial, whole.origins[0].trial
    assert (found.verdict, found.exit_code, found.identity) == (whole.verdict, whole.exit_code, whole.identity)
    assert [each.code for each in mine.findings] == [each.code for each in theirs.findings]
    assert found.origins[0].outages == whole.origins[0].outages
    assert alike(mine) == alike(theirs)
    for name in ("p50", "p99", "p50_planned", "p99_planned"):
        close(getattr(mine.latency, name), getattr(theirs.latency, name))
        close(getattr(found.latency, name), getattr(whole.latency, name))
    for name, late in theirs.lateness_ms.items():
        close(mine.lateness_ms[name], late)
    for mine_p50, their_p50 in zip(mine.series.latency_p50, theirs.series.latency_p50, strict=True):
        close(mine_p50, their_p50)


def close(found: float, exact: float) -> None:
    """Compare a percentile with the exact one; both are rounded to a thousandth."""
    assert exact - 0.002 <= found <= exact * (1 + PART) + 0.002


@settings(max_examples=25)
@given(
    faults=st.lists(damage(), max_size=3),
    amount=st.integers(1, 600),
    keep=st.sampled_from([KeepOk.NONE, KeepOk.SAMPLED]),
)
@example(faults=[], amount=1, keep=KeepOk.NONE)
@example(faults=[("late", 67.0, 67.5)], amount=300, keep=KeepOk.NONE)
@example(faults=[("timeout", 19.9, 20.1), ("slow", 40.0, 70.0)], amount=50, keep=KeepOk.NONE)
@example(faults=[("missed", 25.0, 55.0)], amount=1, keep=KeepOk.SAMPLED)
@example(faults=[("unfinished", 77.0, 77.5), ("status", 120.0, 123.0)], amount=1, keep=KeepOk.NONE)
def test_the_verdict_is_that_of_the_whole(faults: list[tuple[str, float, float]], amount: int, keep: KeepOk) -> None:
    """Whatever the faults are, the verdict, its findings, losses, causes and account are those of all attempts."""
    trial = damaged(faults, amount)
    found = compacted(trial, keep)

    if found is not None:
        same(judged(found[0]), judged(trial))
        assert sum(each.counted for each in found[1]) == judged(found[0]).origins[0].counted


@pytest.mark.parametrize(("keep", "most"), [(KeepOk.NONE, 0.35), (KeepOk.SAMPLED, 0.37)])
def test_most_attempts_of_a_quiet_watch_are_dropped(keep: KeepOk, most: float) -> None:
    """Otherwise nothing would be gained, and the test above would compare rows with themselves."""
    trial = watched()
    evidence, counted = few(trial, keep)
    part = 1 - sum(each.counted for each in counted) / len(trial.attempts)

    assert part < most
    assert judged(evidence).verdict is judged(trial).verdict is Verdict.LOSSLESS
    assert judged(evidence).origins[0].counted == sum(each.counted for each in counted)


@pytest.mark.parametrize("outcome", [Outcome.RESET, Outcome.MISSED, Outcome.TIMEOUT_RESPONSE])
@pytest.mark.parametrize("second", [50.0, 59.9, 60.0, 60.1])
def test_the_neighbourhood_of_a_loss_stays(outcome: Outcome, second: float) -> None:
    """All requests that were due within the documented time stay, in the segment before and after it, too."""
    trial = with_rows(watched(), second, second + 0.2, outcome=outcome, progress=Progress.SENT)
    _, counted = few(trial)
    stay = kept_numbers(trial)
    planned = trial.attempts["planned"]
    near = np.abs(planned - round(second * NS)) <= AROUND_S * NS

    assert set(trial.attempts["number"][near].tolist()) <= stay
    assert sum(each.counted for each in counted) + len(stay) == len(trial.attempts)


def kept_numbers(trial: TrialEvidence, keep: KeepOk = KeepOk.NONE) -> set[int]:
    """Return the numbers of the attempts that stay."""
    compacting, stay = Compacting(TRAFFIC, keep), set[int]()
    parts = in_segments(trial)
    whole = [WholeSegment(n, n * 160, Parts((rows,)), Parts((links,))) for n, (rows, links) in enumerate(parts)]
    for number, segment in enumerate(whole):
        following = whole[min(number + 1, len(whole) - 1)]
        found = compacting.compact(segment, following, 1) if number + 2 < len(whole) else None
        rows = parts[number][0] if found is None else found.attempts
        stay |= set(rows["number"].tolist())
    return stay


def test_the_neighbourhood_of_a_new_answer_stays() -> None:
    """The first answer of another version is where a change was seen."""
    trial = with_rows(watched(), 70.0, STOP, responder=2)
    stay = kept_numbers(trial)
    near = np.abs(trial.attempts["planned"] - 70 * NS) <= AROUND_S * NS

    assert set(trial.attempts["number"][near].tolist()) <= stay
    assert not set(range(50 * 8, 60 * 8)) <= stay


def test_the_sample_follows_from_the_number_alone() -> None:
    """The same attempts are kept by every harness, evenly spread."""
    numbers = np.arange(1_000_000, dtype=np.uint64)
    sampled = is_sampled(numbers)

    assert numbers[sampled][:4].tolist() == [0, 89, 233, 322]
    assert abs(sampled.sum() - len(numbers) / SAMPLE) < 100
    assert kept_numbers(watched(), KeepOk.SAMPLED) - kept_numbers(watched()) <= set(numbers[sampled].tolist())


@pytest.mark.parametrize("reason", [CloseReason.PEER_FIN, CloseReason.PEER_RST])
def test_a_cut_connection_counts_although_its_answers_are_dropped(reason: CloseReason) -> None:
    """A connection is cut only if it carried an answer."""
    trial = with_cut_connections(watched(), 70.0, reason, 3)
    evidence, _ = few(trial)

    same(judged(evidence), judged(trial))
    assert judged(evidence).origins[0].trial.connections.cut == 3


def test_without_a_known_end_the_account_is_that_of_the_whole() -> None:
    """A watch that was killed has no end; its account goes up to the last recorded slot."""
    trial = replace(with_losses(watched(), 70.0, 71.0), stopped_ns=None)
    evidence, _ = few(trial)

    same(judged(evidence), judged(trial))
    assert judged(evidence).verdict is Verdict.INCONCLUSIVE


def test_a_damaged_segment_stays_whole() -> None:
    """Attempts that are not in their order are not for counting."""
    trial = watched()
    rows = trial.attempts.copy()
    rows[[500, 501]] = rows[[501, 500]]
    segments = [
        WholeSegment(n, n * 160, Parts((part,)), Parts((links,)))
        for n, (part, links) in enumerate(in_segments(replace(trial, attempts=rows)))
    ]
    compacting = Compacting(TRAFFIC, KeepOk.NONE)
    found = [compacting.compact(one, two, 1) is not None for one, two in pairwise(segments)]

    assert found == [True, True, True, False, True, True, True]


@pytest.mark.parametrize("more", [1, -1])
def test_a_wrong_count_is_no_success(more: int) -> None:
    """An attempt that is counted twice, or not at all, breaks the account."""
    evidence, _ = few(watched())
    assert evidence.bulk is not None
    wrong = replace(evidence, bulk=replace(evidence.bulk, rows=evidence.bulk.rows + more))

    assert judged(wrong).verdict is Verdict.INCONCLUSIVE


def test_all_attempts_come_in_their_order() -> None:
    """Those that were counted are where they were planned, and none that is missing otherwise is added."""
    trial = watched()
    _, counted = few(trial)
    stay = kept_numbers(trial)
    rows = trial.attempts[np.isin(trial.attempts["number"], sorted(stay - {1_279, 1_270}))]
    blocks = [rows[first : first + 33] for first in range(0, len(rows), 33)]
    planned = np.concatenate([part for part, _ in with_counted(blocks, counted, TRAFFIC)])

    assert planned.tolist() == np.delete(trial.attempts["planned"], [1_270, 1_279]).tolist()


@pytest.mark.parametrize("elapsed", [0.5, 119.9, 120.0, 600.0, 601.0, 1_200.0, 5_000.0, 86_400.0, 432_000.0, 9e5])
def test_periods_fit_into_the_bins_of_every_later_chart(elapsed: float) -> None:
    """Otherwise attempts would be counted in the wrong bin."""
    period = period_of(elapsed)
    counted = few(watched())[1][:1] if elapsed >= STOP else ()
    for longer in (1, 1.01, 1.5, 2, 3.3, 7, 50):
        counter = SeriesCounter(elapsed * longer, round(elapsed * longer * 100), elapsed, counted=counted)
        width = counter.series().bin_seconds
        assert not period or (counted == () and width < 1) or width % period == 0

    assert (period == 0) == (elapsed < BINS)
