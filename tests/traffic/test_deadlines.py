"""One timer for all attempts with the same timeout, by a clock that the test sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.model.attempt import Method
from harness.model.schedule import Stream
from harness.model.shapes import Shape
from harness.traffic.http import deadlines as deadlines_module
from harness.traffic.http.attempt import Attempt
from harness.traffic.http.deadlines import Deadlines

STREAM = Stream(0, "/", Method.GET, Shape.NEW)
TIMEOUT = 100


class Timer:
    """The used part of a timer of gevent's loop."""

    def __init__(self, at: float) -> None:
        self.at = at
        self.call: Callable[[], None] | None = None

    def start(self, call: Callable[[], None], *, update: bool) -> None:
        """It goes off when the time has come."""
        assert update
        self.call = call

    def stop(self) -> None:
        """It does not go off."""
        self.call = None

    close = stop


class Loop:
    """A loop whose clock moves only when the test moves it.

    Attributes:
        now: Nanoseconds.
        timers: All that were ever made.
    """

    def __init__(self) -> None:
        self.now = 0
        self.timers: list[Timer] = []

    def timer(self, after: float) -> Timer:
        """A timer that goes off so many seconds from now."""
        self.timers.append(Timer(self.now + after * 1e9))
        return self.timers[-1]

    def until(self, at: int) -> None:
        """Let time pass; what is due goes off at its time."""
        while due := [timer for timer in self.timers if timer.call is not None and timer.at <= at + 0.5]:
            first = min(due, key=lambda timer: timer.at)
            call, first.call = first.call, None
            self.now = max(self.now, round(first.at))
            assert call is not None
            call()
        self.now = at


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Loop:
    """Make a loop whose clock replaces the machine's."""
    made = Loop()
    monkeypatch.setattr(deadlines_module, "monotonic_ns", lambda: made.now)
    return made


def begun(deadlines: Deadlines[Attempt], loop: Loop) -> Any:
    """Begin an attempt now."""
    attempt = Attempt(STREAM, loop.now + TIMEOUT)
    deadlines.add(attempt)
    return attempt


def test_each_attempt_ends_at_its_time_whether_or_not_those_before_it_were_answered(loop: Loop) -> None:
    """Nothing before its time, nothing that is done, and nothing forgotten after a pause."""
    expired: list[tuple[int, Attempt]] = []
    deadlines = Deadlines[Attempt](loop, TIMEOUT, lambda attempt: expired.append((loop.now, attempt)))
    first = begun(deadlines, loop)
    loop.until(30)
    answered = begun(deadlines, loop)
    loop.until(60)
    last = begun(deadlines, loop)
    answered.done = True
    loop.until(99)
    assert expired == []
    loop.until(159)
    assert expired == [(100, first)]
    loop.until(500)
    later = begun(deadlines, loop)
    loop.until(1000)

    assert expired == [(100, first), (160, last), (600, later)]
    assert sum(timer.call is not None for timer in loop.timers) == 0


def test_nothing_goes_off_once_it_is_closed(loop: Loop) -> None:
    """Attempts under way keep their state."""
    expired: list[Attempt] = []
    deadlines = Deadlines(loop, TIMEOUT, expired.append)
    begun(deadlines, loop)
    deadlines.close()
    loop.until(1000)

    assert expired == []


#: Nanoseconds of a standstill.
STANDSTILL = 50_000_000


def test_time_in_which_the_process_did_not_run_is_left_out(loop: Loop) -> None:
    """The peer of an attempt gets its time after the standstill; attempts that begin later have their usual time."""
    expired: list[tuple[int, Attempt]] = []
    deadlines = Deadlines[Attempt](loop, TIMEOUT, lambda attempt: expired.append((loop.now, attempt)))
    before = begun(deadlines, loop)
    loop.until(40)
    loop.now += STANDSTILL
    deadlines.leave_out(40, loop.now)
    after = begun(deadlines, loop)
    loop.until(STANDSTILL + 99)
    assert expired == []
    loop.until(STANDSTILL + 1000)

    assert expired == [(STANDSTILL + 100, before), (STANDSTILL + 140, after)]


def test_two_standstills_are_both_left_out(loop: Loop) -> None:
    """An attempt that began between them loses only the second one."""
    expired: list[tuple[int, Attempt]] = []
    deadlines = Deadlines[Attempt](loop, TIMEOUT, lambda attempt: expired.append((loop.now, attempt)))
    first = begun(deadlines, loop)
    loop.now = STANDSTILL
    deadlines.leave_out(0, loop.now)
    second = begun(deadlines, loop)
    since, loop.now = loop.now + 10, 2 * STANDSTILL
    deadlines.leave_out(since, loop.now)
    loop.until(3 * STANDSTILL)

    assert expired == [(2 * STANDSTILL + 90, first), (2 * STANDSTILL + 90, second)]


def test_a_late_timer_waits_for_the_report_of_a_standstill(loop: Loop) -> None:
    """It may go off before the engine, which reports the standstill. Without a report the attempt ends."""
    expired: list[tuple[int, Attempt]] = []
    deadlines = Deadlines[Attempt](loop, TIMEOUT, lambda attempt: expired.append((loop.now, attempt)))
    reported = begun(deadlines, loop)
    loop.now = STANDSTILL
    loop.until(STANDSTILL)
    deadlines.leave_out(0, 2 * STANDSTILL)
    loop.until(2 * STANDSTILL + 99)
    assert expired == []
    loop.until(3 * STANDSTILL)
    assert expired == [(2 * STANDSTILL + 100, reported)]
    other = begun(deadlines, loop)
    loop.now = 4 * STANDSTILL
    loop.until(5 * STANDSTILL)

    assert [attempt for _, attempt in expired] == [reported, other]
