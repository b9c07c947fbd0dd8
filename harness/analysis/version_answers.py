"""Measures which version answered during a release: the share in each step, and two candidates compared."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.analysis.answer_versions import NEW, OLD, Versions, changed_routes, sticky_sessions, test_windows, versions
from harness.analysis.change_timeline import ChangeTimeline
from harness.analysis.facts import Facts, losses_by_label
from harness.analysis.proportions import CERTAIN, USUAL, clopper_pearson, two_proportions
from harness.analysis.row_facts import Mask, Numbers, delays
from harness.model.attempt import Outcome
from harness.model.changes import Candidates
from harness.model.events import ChangeEvent, StepDetail
from harness.model.verdict import Series
from harness.model.version_answers import CandidateResult, Comparison, MeasuredShare, VersionAnswers

#: A period in which a share was requested: (repetition, step, start, end, share).
_Requested = tuple[int, int, float, float, float]


def version_answers_of(facts: Facts, series: Series) -> VersionAnswers:
    """Return all measurements for the report; empty if the change does not affect which version answers."""
    change = facts.evidence.release
    if not change.version_routes or not facts.evidence.origin_ns:
        return VersionAnswers()
    version, compared = versions(facts.evidence), change.candidates
    candidates = _candidates(facts, compared, version) if compared else ()
    return VersionAnswers(
        splits=tuple(_measured_shares(facts, version)),
        candidates=candidates,
        comparison=_compared(candidates, compared.latency) if compared else None,
        old=_per_bin(facts, version == OLD, series),
        new=_per_bin(facts, version == NEW, series),
    )


def _measured_shares(facts: Facts, version: Versions) -> Iterator[MeasuredShare]:
    sticky = bool(facts.evidence.release.sticky_cookie)
    good = _good(facts)
    for asked in _requested_shares(facts):
        n, _, start, end, _ = asked
        if sticky:
            sessions = sticky_sessions(facts.evidence, version, (facts.sent_s, facts.done_s), good)
            first = np.array([one.candidate for one in sessions if one.repetition == n], dtype=np.uint8)
        else:
            first = version[good & (version > 0) & (facts.sent_s >= start) & (facts.sent_s < end)]
        yield _measured_share(asked, len(first), int((first == NEW).sum()), sessions=sticky)


def _requested_shares(facts: Facts) -> Iterator[_Requested]:
    """Yield the periods in which a share was requested; a step counts from when routing has settled."""
    change, events = facts.evidence.release, ChangeTimeline(facts.evidence, facts.evidence.release.name)
    share = change.share_asked
    if change.steps_asked:
        ends = {(m.n, m.detail.step): events.seconds(m) for m in events.named(ChangeEvent.STEP_END, StepDetail)}
        for moment in events.named(ChangeEvent.STEP_OBSERVED, StepDetail):
            n, step = moment.n or 1, moment.detail.step or 0
            end = ends.get((n, step), facts.moments.stop)
            yield n, step, events.settled(events.seconds(moment)), end, (moment.detail.weight or 0) / 100
    elif share is not None:
        for n, start, end in test_windows(facts.evidence):
            yield n, 0, start, min(end, facts.moments.stop), share


def _measured_share(asked: _Requested, counted: int, new: int, *, sessions: bool) -> MeasuredShare:
    n, step, start, end, share = asked
    return MeasuredShare(
        n=n,
        step=step,
        start=round(start, 6),
        end=round(max(start, end), 6),
        asked=share,
        counted=counted,
        new=new,
        interval=clopper_pearson(new, counted, USUAL),
        wide=clopper_pearson(new, counted, CERTAIN),
        sessions=sessions,
    )


def _candidates(facts: Facts, compared: Candidates, version: Versions) -> tuple[CandidateResult, ...]:
    """Return the results of A, of B, and of requests that belong to neither, during the test."""
    rows, keys = facts.evidence.attempts, [route.key for route in facts.evidence.traffic.routes]
    during = np.zeros(len(rows), dtype=bool)
    for _, start, end in test_windows(facts.evidence):
        during |= facts.is_sent & (facts.sent_s >= start) & (facts.sent_s < end)
    if facts.evidence.release.share_asked is not None:
        mine = during & np.isin(rows["route"], changed_routes(facts.evidence))
        parts = {"A": mine & (version == OLD), "B": mine & (version == NEW), "unknown": mine & (version == 0)}
    else:
        of_a = [i for i, key in enumerate(keys) if key in compared.a]
        of_b = [i for i, key in enumerate(keys) if key in compared.b]
        parts = {"A": during & np.isin(rows["route"], of_a), "B": during & np.isin(rows["route"], of_b)}
    latency = _latency(facts)
    return tuple(
        _candidate(name, facts, part, latency, compared.latency)
        for name, part in parts.items()
        if name != "unknown" or part.any()
    )


def _candidate(name: str, facts: Facts, mine: Mask, latency: Numbers, limit: float) -> CandidateResult:
    codes, took = facts.outcome[mine], latency[mine & (facts.outcome == Outcome.OK)] * 1000
    middle, high = np.percentile(took, [50, 99]) if len(took) else (0.0, 0.0)
    return CandidateResult(
        name=name,
        sent=len(codes),
        ok=len(took),
        lost=losses_by_label(codes),
        successes=int((took <= limit * 1000).sum()) if limit else len(took),
        p50=round(float(middle), 3),
        p99=round(float(high), 3),
        max=round(float(took.max()), 3) if len(took) else 0.0,
    )


def _compared(candidates: tuple[CandidateResult, ...], latency: float) -> Comparison:
    a, b = candidates[:2]
    p_value, method = two_proportions((a.successes, a.sent), (b.successes, b.sent))
    return Comparison(latency, p_value, method)


def _latency(facts: Facts) -> Numbers:
    """Return the seconds from sending to the answer, without a requested delay."""
    late = delays(facts.streams, facts.stream)
    took: Numbers = facts.done_s - facts.sent_s
    return took if late is None else np.maximum(took - late, 0.0)


def _good(facts: Facts) -> Mask:
    """Return True for successes on the routes that the change affects."""
    routes = np.isin(facts.evidence.attempts["route"], changed_routes(facts.evidence))
    good: Mask = routes & (facts.outcome == Outcome.OK)
    return good


def _per_bin(facts: Facts, mine: Mask, series: Series) -> tuple[int, ...]:
    chosen = mine & ~np.isnan(facts.sent_s)
    if not series.sent:
        return ()
    bins = (facts.sent_s[chosen] / series.bin_seconds).astype(np.int64)
    return tuple(np.bincount(bins, minlength=len(series.sent)).tolist())
