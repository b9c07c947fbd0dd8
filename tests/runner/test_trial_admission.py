"""Trials begin in order, when enough processor time is free at a measurement; at least one trial always runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from harness.kit.processor import Sample
from harness.runner.admission import FREE_TO_START, MEASURED_SECONDS, Admission, Turn


class Load:
    """Free processor time, on a clock that the test moves."""

    def __init__(self, free: float) -> None:
        self.free = free
        self.now = 100.0
        self.asked = 0

    def sample(self) -> Sample:
        """Begin to measure."""
        return Sample(self.now, 0.0, 0.0)

    def free_since(self, earlier: Sample) -> float:
        """Return the free processors; fail if no time has passed since the earlier measurement."""
        assert self.now > earlier.at
        self.asked += 1
        return self.free


class Trials:
    """Trials that ask for their turn when the test says so, without waiting."""

    def __init__(self, load: Load | None, names: str, starting: int = 2, at_least: int = 1) -> None:
        clock: Callable[[], float] = (lambda: load.now) if load else (lambda: 0.0)
        self.admission = Admission(list(names), load, starting=starting, at_least=at_least, now=clock)
        self.waiting: set[str] = set()

    def ask(self, *names: str) -> list[str]:
        """Let each trial ask once; return those that may begin."""
        self.admission._waiting |= set(names)
        return [name for name in names if self.admission._admit(name)]


def test_the_first_trial_begins_on_the_busiest_machine() -> None:
    """Else a run would never end; the next one waits, and begins when nothing runs."""
    load = Load(free=0.0)
    trials = Trials(load, "abc")
    assert trials.ask("a", "b") == ["a"]
    trials.admission._has_started()
    load.now += 60
    assert trials.ask("b") == []
    trials.admission._running -= 1

    assert trials.ask("b") == ["b"]


def test_a_few_run_side_by_side_on_the_busiest_machine() -> None:
    """As many as there are processors, and not one more."""
    load = Load(free=0.0)
    trials = Trials(load, "abc", starting=9, at_least=2)
    assert trials.ask("a", "b", "c") == ["a", "b"]
    load.now += 60

    assert trials.ask("c") == []


@pytest.mark.parametrize(("free", "begins"), [(FREE_TO_START, True), (FREE_TO_START - 0.01, False), (0.0, False)])
def test_another_begins_only_with_free_time(free: float, *, begins: bool) -> None:
    """Measured since the last start, over a time in which that start shows."""
    load = Load(free)
    trials = Trials(load, "ab")
    assert trials.ask("a") == ["a"]
    assert trials.ask("b") == [], "nothing was measured yet"
    load.now += MEASURED_SECONDS * 0.9
    assert trials.ask("b") == [], "not for long enough"
    assert load.asked == 0
    load.now += MEASURED_SECONDS * 0.2

    assert trials.ask("b") == (["b"] if begins else [])


def test_load_that_comes_during_the_run_holds_the_next_back() -> None:
    """And when it goes, the next begins."""
    load = Load(free=2.0)
    trials = Trials(load, "abcd", starting=9)
    begun: list[list[str]] = []
    for free in (2.0, 2.0, 0.0, 0.0, 2.0):
        load.free = free
        begun.append(trials.ask(*sorted(set("abcd") - set("".join(map("".join, begun))))))
        load.now += 1

    assert begun == [["a"], ["b"], [], [], ["c"]]


def test_each_measurement_is_used_once() -> None:
    """Two trials do not begin on the same free time."""
    load = Load(free=0.6)
    trials = Trials(load, "abc", starting=9)
    trials.ask("a")
    load.now += 1

    assert trials.ask("b", "c") == ["b"]


def test_no_more_start_at_once_than_there_are_processors() -> None:
    """However many are free: a start takes about one of them."""
    load = Load(free=64.0)
    trials = Trials(load, "abcd", starting=2)
    begun: list[str] = []
    for _ in range(4):
        begun += trials.ask(*sorted(set("abcd") - set(begun)))
        load.now += 1
    assert begun == ["a", "b"]
    trials.admission._has_started()

    assert trials.ask("c", "d") == ["c"]


def test_without_a_meter_only_starts_are_limited() -> None:
    """A user who gives the number of parallel trials has decided."""
    trials = Trials(None, "abc", starting=2)

    assert trials.ask("a", "b", "c") == ["a", "b"]


def test_the_longest_begins_first_in_whatever_order_threads_ask() -> None:
    """The run has an order of trials, and it counts."""
    trials = Trials(None, "abc", starting=1)
    assert trials.ask("c", "a", "b") == ["a"]
    trials.admission._has_started()

    assert trials.ask("c", "b") == ["b"]


def test_a_trial_that_fails_gives_its_place_back() -> None:
    """A turn that is over counts no more, started or not."""
    admission = Admission(["a", "b"], None, starting=1)
    with pytest.raises(ZeroDivisionError), admission.turn("a"):
        raise ZeroDivisionError
    with admission.turn("b") as turn:
        turn.started()
        turn.started()

    assert (admission._running, admission._starting, admission.peak) == (0, 0, 1)


def test_threads_wait_for_their_turn() -> None:
    """Three trials, one start at a time: the second begins when the first has started, while it still runs."""
    admission = Admission(["a", "b"], None, starting=1)
    begun = threading.Event()

    def second() -> None:
        with admission.turn("b"):
            begun.set()

    with ExitStack() as stack:
        turn: Turn = stack.enter_context(admission.turn("a"))
        thread = threading.Thread(target=second)
        thread.start()
        stack.callback(thread.join)
        assert not begun.wait(0.2)
        turn.started()
        assert begun.wait(60)
    assert admission.peak == 2
