"""Summarises the trials of a cell on one kind of cluster, and compares two kinds of clusters.

The unit is the transition, not the request, because losses cluster in transitions. Each repetition of a change is a
transition, and each undo is another.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from harness.findings.registry import weight_of
from harness.model.events import ChangeEvent
from harness.model.timeline import EventKind
from harness.model.verdict import TrialVerdict, Verdict, Weight, Window

#: Outcomes of failed connections. A userland relay, which accepts before it connects, makes them indistinguishable.
CONNECTION_FAILURES = frozenset({"refused", "reset", "closed", "timeout-connect", "timeout-response", "truncated"})
#: Seconds by which losses may precede the API server's answer: a write takes effect before its answer arrives.
_BEFORE = 0.1
#: Findings about a busy machine, on which a pod may have been late or may have failed a probe.
_DISTURBED = frozenset({"behind-schedule", "machine-saturated", "missed-slots", "node-unwell", "loss-in-control",
                        "loss-before-change"})  # fmt: skip
#: Findings of trials that a stopped run did not complete.
_STOPPED = frozenset({"not-run", "cut-short"})
#: Minimum share of a class in a cell's losses to count as one of its classes.
_SHARE = 0.1
#: Two times are alike if they differ by at most this factor...
FACTOR = 2.0
#: ...or by less than the interval at which an nginx worker polls its endpoints.
ALIKE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Transition:
    """The losses of one transition.

    Attributes:
        lost: Number of lost requests.
        start: Seconds from the API server's answer to the sending of the first lost request; None if none was lost.
        length: Seconds from that to the sending of the last lost request.
    """

    lost: int
    start: float | None = None
    length: float | None = None


@dataclass(frozen=True, slots=True)
class CellFacts:
    """The results of all trials of a cell on one kind of cluster.

    Attributes:
        verdicts: Verdict -> number of conclusive trials, without those left out.
        transitions: Transitions of these trials.
        classes: Failure class -> number of requests, of these trials.
        reasons: Code of the reason for inconclusive trials -> number of trials.
        aside: Number of conclusive trials that are left out, because their machine disturbed them and there are others.
        inconclusive: Number of inconclusive trials.
    """

    verdicts: Mapping[str, int]
    transitions: tuple[Transition, ...] = ()
    classes: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    aside: int = 0
    inconclusive: int = 0

    @classmethod
    def of(cls, trials: Iterable[TrialVerdict]) -> CellFacts:
        """Summarise trials."""
        trials = tuple(trials)
        judged = [trial for trial in trials if trial.verdict is not Verdict.INCONCLUSIVE]
        used = [trial for trial in judged if is_calm(finding.code for finding in trial.findings)] or judged
        classes: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        for trial in used:
            classes.update(trial.identity.lost)
        for trial in trials:
            if trial.verdict is Verdict.INCONCLUSIVE:
                reasons.update({finding.code for finding in trial.findings if weight_of(finding) is not Weight.NOTE})
        return cls(
            Counter(trial.verdict.value for trial in used),
            tuple(each for trial in used for each in transitions(trial)),
            dict(classes),
            dict(reasons),
            len(judged) - len(used),
            len(trials) - len(judged),
        )

    @property
    def verdict(self) -> str:
        """Return ``lossy`` if any conclusive trial was lossy; empty if there is none."""
        return next((word for word in ("lossy", "lossless") if self.verdicts.get(word)), "")

    @property
    def blurred(self) -> frozenset[str]:
        """Return the failure classes, with failed connections as one class, and without rare classes."""
        counts: Counter[str] = Counter()
        for name, count in self.classes.items():
            counts["connection" if name in CONNECTION_FAILURES else name] += count
        return frozenset(name for name, count in counts.items() if count >= _SHARE * counts.total())

    def middle(self, what: str) -> float | None:
        """Return the median of ``lost``, ``start`` or ``length`` over the transitions with losses; None if none had."""
        values = [getattr(each, what) for each in self.transitions if each.lost]
        return median(values) if values else None


def is_calm(codes: Iterable[str]) -> bool:
    """Return True if no finding says that the machine disturbed the trial."""
    return _DISTURBED.isdisjoint(codes)


def was_run(codes: Iterable[str]) -> bool:
    """Return True if no finding says that the trial did not complete."""
    return _STOPPED.isdisjoint(codes)


def transitions(trial: TrialVerdict) -> list[Transition]:
    """Return the losses of each transition of a trial."""
    changes = [mark for mark in trial.marks if mark.kind == EventKind.CHANGE]
    begins = [mark.at for mark in changes if mark.what in {ChangeEvent.APPLIED, ChangeEvent.UNDONE}]
    found: list[list[tuple[float, float, int]]] = [[] for _ in begins]
    for window in trial.losing:
        for start, end, count in _pieces(window, begins):
            number = sum(begin - _BEFORE <= start for begin in begins) - 1
            if number >= 0:
                found[number].append((start, end, count))
    return [_transition(begin, windows) for begin, windows in zip(begins, found, strict=True)]


def _pieces(window: Window, begins: Sequence[float]) -> Iterator[tuple[float, float, int]]:
    """Yield the parts of a loss window, split at the begin of each transition, with proportional shares of requests."""
    edges = [window.start, *(begin for begin in begins if window.start + _BEFORE < begin < window.end), window.end]
    length, left = window.end - window.start, int(window.label)
    for start, end in itertools.pairwise(edges):
        count = left if end == window.end else round(int(window.label) * (end - start) / length)
        left -= count
        yield start, end, count


def _transition(begin: float, windows: Sequence[tuple[float, float, int]]) -> Transition:
    if not windows:
        return Transition(0)
    start, end = windows[0][0], windows[-1][1]
    return Transition(sum(count for _, _, count in windows), start - begin, end - start)


@dataclass(frozen=True, slots=True)
class Likeness:
    """The similarity of a cell on two kinds of clusters. A value is None if there is nothing to compare.

    Attributes:
        verdict: True if the verdicts are the same.
        start: True if the losses begin at about the same time.
        length: True if the losses last about as long.
        classes: True if the failure classes are the same, with failed connections as one class.
    """

    verdict: bool | None
    start: bool | None = None
    length: bool | None = None
    classes: bool | None = None

    @classmethod
    def of(cls, one: CellFacts, other: CellFacts) -> Likeness:
        """Compare two summaries."""
        if not one.verdict or not other.verdict:
            return cls(None)
        same = one.verdict == other.verdict
        if not same or one.verdict == "lossless":
            return cls(same)
        return cls(
            same,
            alike(one.middle("start"), other.middle("start")),
            alike(one.middle("length"), other.middle("length")),
            one.blurred == other.blurred,
        )


def alike(one: float | None, other: float | None) -> bool | None:
    """Return True if two times in seconds are alike; None if one is unknown."""
    if one is None or other is None:
        return None
    if abs(one - other) <= ALIKE_SECONDS:
        return True
    small, large = sorted((abs(one), abs(other)))
    return one * other > 0 and large <= FACTOR * small
