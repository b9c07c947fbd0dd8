"""What one cell showed on one kind of cluster, and whether two kinds showed the same.

The unit is the transition, not the request: losses cluster in them. Each repetition of a change is one, and each way
back between two transitions is another.
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

#: Failures to get through to anybody; behind a userland relay that accepts before it dials nobody can tell them apart.
CONNECTION_FAILURES = frozenset({"refused", "reset", "closed", "timeout-connect", "timeout-response", "truncated"})
#: The window of a transition may begin this much before the API had answered: it acts before it says so.
_BEFORE = 0.1
#: What a trial says of its own machine: processor time was short, so a pod may have been late or failed a probe for it.
_DISTURBED = frozenset({"behind-schedule", "machine-saturated", "missed-slots", "node-unwell", "loss-in-control",
                        "loss-before-change"})  # fmt: skip
#: Of a run that was stopped: no trial at all.
_STOPPED = frozenset({"not-run", "cut-short"})
#: A class with a smaller share of a cell's losses is not called one of its classes.
_SHARE = 0.1
#: Two times are alike within this factor...
FACTOR = 2.0
#: ...or if they differ by less than a poll of the endpoints by an nginx worker can make.
ALIKE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Transition:
    """What one transition lost.

    Attributes:
        lost: Requests.
        start: Seconds from when the API had taken it to the first lost request's leaving; None if none was lost.
        length: Seconds from that to the last one's.
    """

    lost: int
    start: float | None = None
    length: float | None = None


@dataclass(frozen=True, slots=True)
class CellFacts:
    """A cell on one kind of cluster, over all its trials.

    Attributes:
        verdicts: Verdict -> trials that were judged and not left out.
        transitions: Of the same trials.
        classes: Failure class -> requests, of the same trials.
        reasons: Code of what made a trial inconclusive -> trials.
        aside: Trials that were judged, but are left out, since their machine disturbed them and there are others.
        inconclusive: Trials that could not be judged.
    """

    verdicts: Mapping[str, int]
    transitions: tuple[Transition, ...] = ()
    classes: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    aside: int = 0
    inconclusive: int = 0

    @classmethod
    def of(cls, trials: Iterable[TrialVerdict]) -> CellFacts:
        """From the judged trials."""
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
        """Lossy if any judged trial was; empty if none could be judged."""
        told = [word for word in ("lossy", "lossless") if self.verdicts.get(word)]
        return told[0] if told else ""

    @property
    def blurred(self) -> frozenset[str]:
        """Its classes, failures to connect as one, without those that hardly ever came."""
        counts: Counter[str] = Counter()
        for name, count in self.classes.items():
            counts["connection" if name in CONNECTION_FAILURES else name] += count
        return frozenset(name for name, count in counts.items() if count >= _SHARE * counts.total())

    def middle(self, what: str) -> float | None:
        """Median of ``lost``, ``start`` or ``length`` over the transitions that lost anything; None if none did."""
        values = [getattr(each, what) for each in self.transitions if each.lost]
        return median(values) if values else None


def is_calm(codes: Iterable[str]) -> bool:
    """Whether a trial with these findings says nothing against its machine."""
    return _DISTURBED.isdisjoint(codes)


def was_run(codes: Iterable[str]) -> bool:
    """Whether a trial with these findings was run to its end."""
    return _STOPPED.isdisjoint(codes)


def transitions(trial: TrialVerdict) -> list[Transition]:
    """A trial's losses by the transition in which they lie."""
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
    """A losing window, cut where the next transition begins in it; its requests are shared out in proportion."""
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
    """How alike a cell is on two kinds of clusters; None where there is nothing to compare.

    Attributes:
        verdict: The same verdict.
        start: The losing window begins at about the same time.
        length: And lasts about as long.
        classes: Failures of the same classes, failures to connect as one.
    """

    verdict: bool | None
    start: bool | None = None
    length: bool | None = None
    classes: bool | None = None

    @classmethod
    def of(cls, one: CellFacts, other: CellFacts) -> Likeness:
        """Compare."""
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
    """Whether two times in seconds are within the factor, or too close to tell; None where one is not known."""
    if one is None or other is None:
        return None
    if abs(one - other) <= ALIKE_SECONDS:
        return True
    small, large = sorted((abs(one), abs(other)))
    return one * other > 0 and large <= FACTOR * small
