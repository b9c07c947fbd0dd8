"""Computes the numbers of a report in addition to the verdict: streams, latency, lateness, and the chart's series."""

from __future__ import annotations

import numpy as np

from harness.analysis.facts import Facts, Mask, Numbers, delays, losses_by_label
from harness.analysis.moments import NS
from harness.analysis.thresholds import MERGE_LOSSES_S
from harness.model.attempt import Outcome, Progress
from harness.model.verdict import Latency, Series, StreamCount, Window

#: Number of bins that fit a chart, roughly.
BINS = 120
#: Lowest desired number of requests per bin.
_PER_BIN = 5
#: Round widths of bins, in seconds.
_WIDTHS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)

Bins = np.ndarray[tuple[int], np.dtype[np.int16]]

EMPTY_SERIES = Series(0.1, 0.0, (), (), (), (), ())
EMPTY_LATENCY = Latency(0, 0, 0, 0, 0, 0)


def count_streams(facts: Facts) -> tuple[StreamCount, ...]:
    """Return the account of each stream."""
    counts = []
    for index, stream in enumerate(facts.streams):
        codes = facts.outcome[facts.is_sent & (facts.stream == index)]
        counts.append(
            StreamCount(
                method=stream.method.name,
                shape=stream.shape.word,
                path=stream.key,
                sent=len(codes),
                ok=int((codes == Outcome.OK).sum()),
                lost=losses_by_label(codes),
                unfinished=int((codes == Outcome.UNFINISHED).sum()),
            )
        )
    return tuple(counts)


def measure_latency(facts: Facts) -> Latency:
    """Return the latency of answered attempts, from sending and from the planned time.

    A delay that was requested from the application is subtracted.
    """
    answered = _answered(facts)
    if not answered.any():
        return EMPTY_LATENCY
    done = _undelayed(facts)
    from_sent = _three((done - facts.sent_s)[answered] * 1000)
    from_planned = _three((done - facts.evidence.attempts["planned"] / NS)[answered] * 1000)
    return Latency(*from_sent, *from_planned)


def measure_lateness(facts: Facts) -> dict[str, float]:
    """Return how long after their planned time requests were sent, in milliseconds."""
    late = facts.late_ms[facts.is_sent & ~np.isnan(facts.late_ms)]
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
    timed = facts.is_sent & ~np.isnan(facts.sent_s)
    if not timed.any():
        return EMPTY_SERIES
    end = max(facts.moments.stop, float(facts.sent_s[timed].max()))
    # With fewer requests per bin, the chart would show how slots happen to fall into bins.
    least = max(end / BINS, _PER_BIN * end / int(timed.sum()))
    width = next((width for width in _WIDTHS if width >= least), least)
    count = int(end / width) + 1
    bins = np.zeros(len(timed), dtype=np.int16)
    bins[timed] = facts.sent_s[timed] / width
    is_ok = timed & (facts.outcome == Outcome.OK)
    middle, largest = _latency_by_bin(facts, bins, timed & _answered(facts), count)
    return Series(
        bin_seconds=float(width),
        start=0.0,
        sent=_per_bin(bins, timed, count),
        ok=_per_bin(bins, is_ok, count),
        failed=_per_bin(bins, timed & facts.is_lost, count),
        latency_p50=middle,
        latency_max=largest,
    )


def _answered(facts: Facts) -> Mask:
    answered: Mask = (facts.evidence.attempts["progress"] == Progress.ANSWERED) & ~np.isnan(facts.done_s + facts.sent_s)
    return answered


def _undelayed(facts: Facts) -> Numbers:
    """Return when answers would have come without the requested delay; never before the request was sent."""
    late = delays(facts.streams, facts.stream)
    return facts.done_s if late is None else np.maximum(facts.done_s - late, facts.sent_s)


def _three(values: Numbers) -> tuple[float, float, float]:
    """Return median, 99th percentile and maximum; changes the order of the values."""
    middle, high = np.percentile(values, [50, 99], overwrite_input=True)
    return round(float(middle), 3), round(float(high), 3), round(float(values.max()), 3)


def _per_bin(bins: Bins, mask: Mask, count: int) -> tuple[int, ...]:
    return tuple(np.bincount(bins[mask], minlength=count).tolist())


def _latency_by_bin(facts: Facts, bins: Bins, mask: Mask, count: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return median and maximum per bin in milliseconds; 0 in bins without answers."""
    latency = (_undelayed(facts) - facts.sent_s)[mask] * 1000
    where = bins[mask]
    # Sorting short bin numbers takes one pass, and within a bin only the median has to be in its place.
    latency = latency[np.argsort(where, kind="stable")]
    ends = np.cumsum(np.bincount(where, minlength=count))
    middle, largest = np.zeros(count), np.zeros(count)
    for index, part in enumerate(np.split(latency, ends[:-1])):
        if len(part):
            half = (len(part) - 1) // 2
            part.partition(half)
            middle[index], largest[index] = part[half], part[half:].max()
    return tuple(middle.round(3).tolist()), tuple(largest.round(3).tolist())
