"""The live metrics of a run or a watch: their names, and their values from the ledgers as they are written.

Each metric except ``harness_trials`` has the label ``source``: the name of a trial, or the URL of a watched origin.
Numbers of requests come only from the ledger, so that they agree with the report. The report alone is the result.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    StateSetMetricFamily,
)
from prometheus_client.registry import Collector

from harness.model.attempt import LOSSES, Outcome
from harness.model.timeline import Phase
from harness.model.verdict import Verdict
from harness.traffic.live import LATENCY_BOUNDS, LiveCounts

#: The verdicts that are possible before the end.
_SO_FAR = (Verdict.LOSSY, Verdict.INCONCLUSIVE)
_NOTHING = LiveCounts(0, 0, 0)
#: The label of every metric but ``harness_trials``.
SOURCE = "source"


class TrialState(StrEnum):
    """The state of a trial of a run."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """A metric.

    Attributes:
        name: Name without the suffix of its type.
        kind: Type in OpenMetrics.
        labels: Names of its labels.
        meaning: Its help text.
    """

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


SENT = MetricFacts("harness_requests_sent", "counter", (SOURCE,), "Requests sent, each tried exactly once.")
ANSWERED = MetricFacts("harness_requests_answered", "counter", (SOURCE,), "Requests with the right answer.")
LOST = MetricFacts("harness_requests_lost", "counter", (SOURCE, "class"), "Lost requests by class of the loss.")
OPEN = MetricFacts("harness_requests_open", "gauge", (SOURCE,), "Requests without an outcome yet.")
MISSED = MetricFacts(
    "harness_slots_missed", "counter", (SOURCE,), "Planned requests that the sender could not send in time."
)
FAULTS = MetricFacts(
    "harness_client_faults", "counter", (SOURCE,), "Requests that failed because of the sender's own machine."
)
LATENCY = MetricFacts(
    "harness_request_duration_seconds",
    "histogram",
    (SOURCE,),
    "Seconds from the planned time of an answered request to its answer.",
)
PHASE = MetricFacts("harness_phase", "stateset", (SOURCE,), "Phase of a trial's traffic.")
VERDICT = MetricFacts(
    "harness_verdict_so_far",
    "stateset",
    (SOURCE,),
    "Lossy once a request was lost. Inconclusive until then: traffic that has not ended proves nothing yet.",
)
TRIALS = MetricFacts("harness_trials", "gauge", ("state",), "Trials of the run by state.")

#: In the order in which they are served.
METRICS = (SENT, ANSWERED, LOST, OPEN, MISSED, FAULTS, LATENCY, PHASE, VERDICT, TRIALS)


@dataclass(frozen=True, slots=True)
class SourceState:
    """The latest state of a trial or an origin."""

    counts: LiveCounts = _NOTHING
    phase: Phase | None = None
    state: TrialState = TrialState.WAITING


class LiveMetrics(Collector):
    """The state of all sources as metrics. Used by the threads of trials and of the server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sources: dict[str, SourceState] = {}
        self._has_trials = False

    def expect(self, trials: Iterable[str]) -> None:
        """Take note of the trials of a run; those that are there already stay as they are."""
        with self._lock:
            self._has_trials = True
            for trial in trials:
                self._sources.setdefault(trial, SourceState())

    def update(
        self,
        source: str,
        *,
        counts: LiveCounts | None = None,
        phase: Phase | None = None,
        state: TrialState | None = None,
    ) -> None:
        """Replace what is known of a source; None leaves it as it is."""
        with self._lock:
            old = self._sources.get(source, SourceState())
            self._sources[source] = SourceState(counts or old.counts, phase or old.phase, state or old.state)

    def collect(self) -> Iterator[Metric]:
        """Yield every metric with its present values."""
        with self._lock:
            sources, has_trials = dict(self._sources), self._has_trials
        begun = {name: state for name, state in sources.items() if any(state.counts.by_outcome)}
        yield _counter(SENT, {(name,): state.counts.sent for name, state in begun.items()})
        yield _counter(ANSWERED, {(name,): state.counts.ok for name, state in begun.items()})
        yield _counter(
            LOST,
            {
                (name, outcome.label): state.counts.by_outcome[outcome]
                for name, state in begun.items()
                for outcome in sorted(LOSSES)
            },
        )
        yield _gauge(OPEN, {(name,): state.counts.by_outcome[Outcome.UNFINISHED] for name, state in begun.items()})
        yield _counter(MISSED, {(name,): state.counts.by_outcome[Outcome.MISSED] for name, state in begun.items()})
        yield _counter(
            FAULTS, {(name,): state.counts.by_outcome[Outcome.CLIENT_FAULT] for name, state in begun.items()}
        )
        yield _latencies(begun)
        if has_trials:
            yield _states(PHASE, {name: (state.phase, tuple(Phase)) for name, state in begun.items()})
        verdicts = {name: Verdict.LOSSY if state.counts.lost else Verdict.INCONCLUSIVE for name, state in begun.items()}
        yield _states(VERDICT, {name: (verdict, _SO_FAR) for name, verdict in verdicts.items()})
        if has_trials:
            states = [state.state for state in sources.values()]
            yield _gauge(TRIALS, {(state,): states.count(state) for state in TrialState})


def _counter(facts: MetricFacts, values: Mapping[tuple[str, ...], float]) -> Metric:
    family = CounterMetricFamily(facts.name, facts.meaning, labels=facts.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _gauge(facts: MetricFacts, values: Mapping[tuple[str, ...], float]) -> Metric:
    family = GaugeMetricFamily(facts.name, facts.meaning, labels=facts.labels)
    for labels, value in values.items():
        family.add_metric(labels, value)
    return family


def _latencies(sources: Mapping[str, SourceState]) -> Metric:
    family = HistogramMetricFamily(LATENCY.name, LATENCY.meaning, labels=LATENCY.labels)
    for name, state in sources.items():
        bounds = [*map(str, LATENCY_BOUNDS), "+Inf"]
        total, buckets = 0, []
        for bound, count in zip(bounds, state.counts.latencies, strict=True):
            total += count
            buckets.append((bound, total))
        family.add_metric((name,), buckets, state.counts.latency_seconds)
    return family


def _states(facts: MetricFacts, values: Mapping[str, tuple[str | None, Sequence[str]]]) -> Metric:
    family = StateSetMetricFamily(facts.name, facts.meaning, labels=facts.labels)
    for name, (now, states) in values.items():
        family.add_metric((name,), {state: state == now for state in states})
    return family
