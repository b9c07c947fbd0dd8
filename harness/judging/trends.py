"""Finds the trend of each cell of a history: steady, flaky, or regressed since one run.

The run since which a cell is bad is found by splitting its runs in two: at the run for which Fisher's exact test sees
the largest difference between the transitions before it and since. The probability is multiplied by the number of
possible splits (Bonferroni), which is one less than that of the runs. Runs without an answer, such as those of a busy
machine, count for neither side.

The transitions of one run share its conditions, so many of them may be bad together in a flaky cell. A split therefore
counts only if no run before is bad and every run since is, or if the test of whole runs agrees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from harness.analysis.baselines import MOST_RUNS, percentile
from harness.analysis.power import LEVEL
from harness.analysis.proportions import clopper_pearson, fisher
from harness.model.history import Baseline, CellTrend, History, HistoryEntry, TrendState

#: Confidence level of the interval of a share.
_CONFIDENCE = 0.95
_MEASURES: Mapping[str, Callable[[HistoryEntry], float]] = {
    "lost share": lambda entry: round(entry.lost / entry.sent, 6) if entry.sent else 0.0,
    "connections cut": lambda entry: float(entry.cut),
    "p99 (ms)": lambda entry: entry.p99_ms,
}


@dataclass(frozen=True, slots=True)
class _Split:
    """The split of a cell's runs with an answer at which they differ most.

    Attributes:
        at: Index of the first run of the second part.
        chance: Probability that chance alone makes both parts differ as much, for all splits together.
        is_worse: True if the second part has the larger share of bad transitions.
        is_lasting: True if no run of the first part is bad and each of the second is, or if whole runs differ as well.
    """

    at: int
    chance: float
    is_worse: bool
    is_lasting: bool


def history_of(entries: Sequence[HistoryEntry]) -> History:
    """Return the history of entries in any order."""
    ordered = tuple(sorted(entries, key=lambda entry: (entry.started, entry.run, entry.cell)))
    cells: dict[tuple[str, str], list[HistoryEntry]] = {}
    for entry in ordered:
        cells.setdefault((entry.experiment, entry.cell), []).append(entry)
    return History(ordered, tuple(trend(each) for each in cells.values()))


def trend(entries: Sequence[HistoryEntry]) -> CellTrend:
    """Return the trend of one cell.

    Args:
        entries: Its entries, the oldest first; at least one.
    """
    known = [entry for entry in entries if entry.is_known]
    split = _split(known)
    state, first = _state(known, split)
    first_bad = known[first] if first is not None else None
    earlier = known[:first] if first is not None else []
    last_good = next((entry for entry in reversed(earlier) if not entry.bad), None)
    since = known[first:] if state is TrendState.REGRESSED and first is not None else known
    bad = sum(entry.bad for entry in since)
    last = entries[-1]
    return CellTrend(
        experiment=last.experiment,
        cell=last.cell,
        configuration=last.configuration,
        change=last.change,
        state=state,
        entries=tuple(entries),
        first_bad=first_bad,
        last_good=last_good,
        changed=_changed(last_good, first_bad),
        chance=split.chance if split else 1.0,
        share=clopper_pearson(bad, bad + sum(entry.good for entry in since), _CONFIDENCE),
        baselines=tuple(_baseline(name, known) for name in _MEASURES) if known else (),
    )


def _state(known: Sequence[HistoryEntry], split: _Split | None) -> tuple[TrendState, int | None]:
    """Return the state of a cell, and the index of the run to look at first."""
    bad = [index for index, entry in enumerate(known) if entry.bad]
    if not bad:
        return (TrendState.STEADY if known else TrendState.UNKNOWN), None
    if not any(entry.good for entry in known):
        return TrendState.ALWAYS_BAD, bad[0]
    if split is not None and split.chance <= LEVEL and split.is_lasting:
        if split.is_worse:
            return TrendState.REGRESSED, next(index for index in bad if index >= split.at)
        return TrendState.IMPROVED, bad[0]
    # All bad runs are the last ones, or the first ones.
    if len(bad) < len(known) and bad == list(range(bad[0], bad[-1] + 1)) and (not bad[0] or bad[-1] == len(known) - 1):
        return (TrendState.NEW if bad[0] else TrendState.CLEARED), bad[0]
    return TrendState.FLAKY, bad[0]


def _split(known: Sequence[HistoryEntry]) -> _Split | None:
    """Return the split at which the runs differ most; None with fewer than two runs."""
    total = sum(entry.bad for entry in known), sum(entry.bad + entry.good for entry in known)
    best: _Split | None = None
    before = (0, 0)
    for at in range(1, len(known)):
        entry = known[at - 1]
        before = before[0] + entry.bad, before[1] + entry.bad + entry.good
        since = total[0] - before[0], total[1] - before[1]
        chance = min(1.0, fisher(before, since) * (len(known) - 1))
        if best is None or chance < best.chance:
            is_worse = since[0] * before[1] > before[0] * since[1]
            best = _Split(at, chance, is_worse, _is_lasting([entry.bad > 0 for entry in known], at))
    return best


def _is_lasting(bad: Sequence[bool], at: int) -> bool:
    """Return True if exactly the runs since a split are bad, or if the test of whole runs finds a difference."""
    before, since = bad[:at], bad[at:]
    if all(since) and not any(before):
        return True
    return fisher((sum(before), len(before)), (sum(since), len(since))) * (len(bad) - 1) <= LEVEL


def _changed(before: HistoryEntry | None, after: HistoryEntry | None) -> dict[str, tuple[str, str]]:
    if before is None or after is None:
        return {}
    names = sorted({*before.versions, *after.versions})
    pairs = {name: (before.versions.get(name, ""), after.versions.get(name, "")) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _baseline(name: str, known: Sequence[HistoryEntry]) -> Baseline:
    measure = _MEASURES[name]
    usual = [measure(entry) for entry in known[:-1] if not entry.bad][-MOST_RUNS:]
    return Baseline(measure=name, value=measure(known[-1]), high=percentile(usual), runs=len(usual))
