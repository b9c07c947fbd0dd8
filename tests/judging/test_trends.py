"""Trends of cells over simulated nights: the night of a regression, a flaky cell, and a busy machine."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from harness.analysis.baselines import LEAST_RUNS
from harness.judging.trends import history_of, trend
from harness.model.history import VERSION, CellTrend, HistoryEntry, TrendState
from harness.model.verdict import Verdict

#: Repetitions of a lossy cell, as ``harness run --confirm`` adds them.
CONFIRM = 10


def entry(night: int, cell: str = "a", *, bad: int = 0, good: int = 1, unknown: int = 0, lost: int = 0) -> HistoryEntry:
    """Return the entry of a night."""
    known = Verdict.LOSSY if bad else Verdict.LOSSLESS
    return HistoryEntry(
        version=VERSION,
        run=f"run-{night}",
        started=f"2026-01-{night:02d}T03:00:00+00:00",
        directory=f"night-{night}",
        commit=f"commit-{night}",
        experiment="shop",
        cell=cell,
        configuration=cell,
        change="restart",
        verdict=known if bad + good else Verdict.INCONCLUSIVE,
        expected="lossless",
        bad=bad,
        good=good,
        unknown=unknown,
        sent=1000,
        lost=lost,
        cut=0,
        p99_ms=10.0 + night / 10,
        versions={"harness": "0.1.0", "images": "shop:2" if night >= 19 else "shop:1"},
    )


def drawn(night: int, share: float, chance: random.Random, *, confirm: int = CONFIRM) -> HistoryEntry:
    """Return a night with one trial, and its confirmation if it is lossy."""
    if chance.random() >= share:
        return entry(night)
    again = sum(chance.random() < share for _ in range(confirm))
    return entry(night, bad=1 + again, good=confirm - again, lost=5)


def of(*nights: str) -> CellTrend:
    """Return the trend of nights, each given as letters: x is a bad transition, . a good one, ? an unknown one."""
    return trend(
        [
            entry(n, bad=each.count("x"), good=each.count("."), unknown=each.count("?"))
            for n, each in enumerate(nights, 1)
        ]
    )


def test_a_planted_regression_and_a_flaky_cell_are_found_in_thirty_nights() -> None:
    """A planted regression, a flaky cell and a busy machine, over many histories of thirty nights each.

    The history names the night and the commit of the regression, and calls the flaky cell flaky.
    """
    named = flaky = 0
    for seed in range(50):
        chance = random.Random(seed)
        regressed = trend([drawn(night, 0.0 if night < 19 else 1.0, chance) for night in range(1, 31)])
        unsteady = trend([drawn(night, 0.3, chance) for night in range(1, 31)])
        assert regressed.state is TrendState.REGRESSED
        assert regressed.first_bad is not None
        assert regressed.last_good is not None
        named += (regressed.first_bad.commit, regressed.last_good.commit) == ("commit-19", "commit-18")
        assert regressed.changed == {"images": ("shop:1", "shop:2")}
        flaky += unsteady.state is TrendState.FLAKY

    assert named == 50
    assert flaky >= 47


@pytest.mark.parametrize("confirm", [0, CONFIRM])
def test_flaky_cells_are_rarely_called_regressed(confirm: int) -> None:
    """Over 200 histories, at most one in twenty, whether or not losses are confirmed."""
    chance = random.Random(11)
    trends = [trend([drawn(n, 0.3, chance, confirm=confirm) for n in range(1, 31)]) for _ in range(200)]

    assert sum(each.state in {TrendState.REGRESSED, TrendState.IMPROVED} for each in trends) <= 10


def test_nights_that_are_bad_as_a_whole_are_rarely_called_regressed() -> None:
    """A flaky cell may lose in each repetition of a night, since they have its conditions in common."""
    chance = random.Random(3)
    trends = [
        trend([entry(n, bad=11, good=0) if chance.random() < 0.3 else entry(n) for n in range(1, 31)])
        for _ in range(200)
    ]

    assert sum(each.state in {TrendState.REGRESSED, TrendState.IMPROVED} for each in trends) <= 10


def test_a_busy_machine_is_neither_good_nor_bad() -> None:
    """Nights without an answer change no state, and are no first bad run."""
    busy = [entry(n, good=0, unknown=1) if n % 3 == 0 else entry(n) for n in range(1, 31)]

    assert trend(busy).state is TrendState.STEADY
    assert trend(busy).first_bad is None
    assert of("?", "??", "?").state is TrendState.UNKNOWN


@pytest.mark.parametrize(
    ("nights", "state", "first"),
    [
        ((".", ".", "."), TrendState.STEADY, None),
        (("x", "x", "x"), TrendState.ALWAYS_BAD, 1),
        ((".", ".", "x"), TrendState.NEW, 3),
        ((".", ".", "x", "?"), TrendState.NEW, 3),
        ((".", ".", "x" * 11), TrendState.REGRESSED, 3),
        ((".", "x", ".", "x", "."), TrendState.FLAKY, 2),
        (
            (
                ".",
                ".",
                ".x.........",
            ),
            TrendState.NEW,
            3,
        ),
        (("x" * 11, ".", ".", "."), TrendState.CLEARED, 1),
        (("x",) * 8 + (".",) * 8, TrendState.IMPROVED, 1),
        (("x", ".", "."), TrendState.CLEARED, 1),
        (("xx", "?", "."), TrendState.CLEARED, 1),
        (("x", ".", "x"), TrendState.FLAKY, 1),
        ((".", "x", "."), TrendState.FLAKY, 2),
        (("?",), TrendState.UNKNOWN, None),
    ],
)
def test_each_history_has_its_state(nights: Sequence[str], state: TrendState, first: int | None) -> None:
    """One bad night alone is too early for a state; its repetitions decide."""
    found = of(*nights)

    assert found.state is state
    assert (found.first_bad.started[8:10] if found.first_bad else None) == (f"{first:02d}" if first else None)


def test_a_baseline_needs_enough_runs() -> None:
    """With one fewer there is none; a bad run is no part of it."""
    few = trend([entry(n) for n in range(1, LEAST_RUNS + 1)])
    enough = trend([entry(n) for n in range(1, LEAST_RUNS + 2)])
    bad = trend([entry(1, bad=1, lost=9), *(entry(n) for n in range(2, LEAST_RUNS + 2))])

    assert {each.high for each in few.baselines} == {None}
    assert {each.high for each in bad.baselines} == {None}
    assert not any(each.is_above for each in few.baselines)
    (p99,) = (each for each in enough.baselines if each.measure == "p99 (ms)")
    # Of 20 values from 10.1 to 12.0 the 95th percentile by nearest rank is the 19th.
    assert (p99.high, p99.value, p99.is_above) == (11.9, 12.1, True)


def test_cells_are_apart_and_in_order() -> None:
    """Entries may come in any order, of several cells."""
    entries = [entry(2, "b"), entry(2, "a"), entry(1, "a", bad=1, good=0), entry(1, "b")]
    history = history_of(entries)

    assert [(each.cell, each.state) for each in history.trends] == [("a", "cleared"), ("b", "steady")]
    assert [each.started for each in history.trends[0].entries] == sorted(e.started for e in entries)[::2]
