"""Computes the numbers of a report in addition to the verdict: streams, latency, lateness, and the chart's series."""

from __future__ import annotations

import numpy as np

from harness.analysis.facts import Facts, losses_by_label
from harness.analysis.quantiles import Distribution
from harness.analysis.row_facts import Numbers
from harness.analysis.series import SeriesCounter
from harness.analysis.thresholds import MERGE_LOSSES_S
from harness.model.attempt import Outcome
from harness.model.verdict import Latency, Series, StreamCount, Window

EMPTY_LATENCY = Latency(0, 0, 0, 0, 0, 0)
#: The percentiles of latency and lateness in reports; the last one is the maximum.
REPORTED_PERCENTILES = (50, 99, 100)


def count_streams(facts: Facts) -> tuple[StreamCount, ...]:
    """Return the account of each stream."""
    counts, bulk = [], facts.evidence.bulk
    for index, stream in enumerate(facts.streams):
        codes = facts.outcome[facts.is_sent & (facts.stream == index)]
        others = 0 if bulk is None else bulk.streams[index].ok
        counts.append(
            StreamCount(
                method=stream.method.name,
                shape=stream.shape.word,
                path=stream.key,
                sent=len(codes) + others,
                ok=int((codes == Outcome.OK).sum()) + others,
                lost=losses_by_label(codes),
                unfinished=int((codes == Outcome.UNFINISHED).sum()),
            )
        )
    return tuple(counts)


def measure_latency(facts: Facts) -> Latency:
    """Return the latency of answered attempts, from sending and from the planned time.

    A delay that was requested from the application is subtracted.
    """
    if facts.evidence.bulk is not None:
        return facts.evidence.bulk.latency
    answered = facts.own.is_answered
    if not answered.any():
        return EMPTY_LATENCY
    from_sent, from_planned = facts.own.latencies(answered)
    return Latency(*_three(from_sent), *_three(from_planned))


def latency_of(from_sent: Distribution, from_planned: Distribution) -> Latency:
    """Return the latency of answered attempts that were counted; both have the ``REPORTED_PERCENTILES``."""
    if not from_sent.count:
        return EMPTY_LATENCY
    return Latency(*(round(each, 3) for counted in (from_sent, from_planned) for each in counted.percentiles()))


def measure_lateness(facts: Facts) -> dict[str, float]:
    """Return how long after their planned time requests were sent, in milliseconds."""
    if facts.evidence.bulk is not None:
        return {name: round(late, 3) for name, late in facts.evidence.bulk.lateness.items()}
    late = facts.late_ms[facts.own.is_timed]
    p50, p99, largest = _three(late) if len(late) else (0.0, 0.0, 0.0)
    return {"p50": p50, "p99": p99, "max": largest}


def losing_windows(facts: Facts) -> tuple[Window, ...]:
    """Return the periods in which requests were lost, by the time they were sent.

    The label is the number of lost requests.
    """
    times = np.sort(facts.sent_s[facts.is_lost & ~np.isnan(facts.sent_s)])
    if not len(times):
        return ()
    breaks = np.flatnonzero(np.diff(times) >= MERGE_LOSSES_S.value) + 1
    return tuple(
        Window(round(float(part[0]), 6), round(float(part[-1]), 6), str(len(part))) for part in np.split(times, breaks)
    )


def series_of(facts: Facts) -> Series:
    """Return how many requests were sent, answered and lost over time, by the time they were sent."""
    if facts.evidence.bulk is not None:
        return facts.evidence.bulk.series
    sent = facts.sent_s[facts.own.is_timed]
    counter = SeriesCounter(facts.moments.stop, len(sent), float(sent.max(initial=0.0)))
    counter.take(facts.own)
    return counter.series()


def _three(values: Numbers) -> tuple[float, float, float]:
    """Return median, 99th percentile and maximum; changes the order of the values."""
    middle, high = np.percentile(values, [50, 99], overwrite_input=True)
    return round(float(middle), 3), round(float(high), 3), round(float(values.max()), 3)
