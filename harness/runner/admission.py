"""Decides when a trial may begin: as many run at once as there is processor time for, measured before each start.

A sender that does not get the processor falls behind its schedule, and its trial proves nothing. What a trial needs,
and what others use meanwhile, is not known beforehand; what is free now can be measured.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from harness.kit import interruption
from harness.kit.processor import Sample
from harness.kit.waiting import wait_until

#: Processors that must have been free lately for another trial to begin: to start one takes about a whole one for a
#: second, and those that run must not notice.
FREE_TO_START = 0.5
#: Seconds over which this is measured, from the last start on: it must show what that one has used.
MEASURED_SECONDS = 0.3
#: Seconds between two questions of the trial that is next.
_ASK = 0.05
#: Seconds between two checks of the trials behind it for an interruption.
_CHECK = 0.5


class Meter(Protocol):
    """Measures free processor time (``ProcessorMeter``)."""

    def sample(self) -> Sample:
        """Begin to measure."""

    def free_since(self, earlier: Sample) -> float:
        """Return how many processors were free on average since."""


class Turn:
    """A trial that has been let in."""

    def __init__(self, started: Callable[[], None]) -> None:
        self._started = started
        self._has_started = False

    def started(self) -> None:
        """Say that its start-up is over; what it uses from now on is little."""
        if not self._has_started:
            self._has_started = True
            self._started()


class Admission:
    """Lets trials in, in a given order. Used by a thread per trial.

    A few are let in whatever is free, so that a run on a machine without any free time goes on.

    Args:
        order: The names of the trials, first the one that is to begin first.
        meter: Measures free processor time; None lets trials in whatever is free.
        starting: How many may start up at once.
        at_least: So many run side by side however little is free: their share of a busy machine mostly suffices.
        now: A clock in seconds.
    """

    def __init__(
        self,
        order: Sequence[str],
        meter: Meter | None,
        *,
        starting: int,
        at_least: int = 1,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rank = {name: rank for rank, name in enumerate(order)}
        self._meter = meter
        self._starting_limit = starting
        self._at_least = at_least
        self._now = now
        self._lock = threading.Condition(threading.Lock())
        self._waiting: set[str] = set()
        self._running = 0
        self._starting = 0
        self._since: Sample | None = None
        #: The most trials that ran at once.
        self.peak = 0

    @contextmanager
    def turn(self, name: str) -> Iterator[Turn]:
        """Wait for a trial's turn; it lasts as long as the context.

        Raises:
            Interrupted: The user asked for an end.
        """
        with self._lock:
            self._waiting.add(name)
        try:
            self._await_first(name)
            wait_until(lambda: self._admit(name), timeout=float("inf"), what="a turn to start", interval=_ASK)
        finally:
            with self._lock:
                self._waiting.discard(name)
                self._lock.notify_all()
        turn = Turn(self._has_started)
        try:
            yield turn
        finally:
            turn.started()
            with self._lock:
                self._running -= 1

    def _await_first(self, name: str) -> None:
        """Wait until no trial that waits comes before this one: only the first of them asks for room.

        Raises:
            Interrupted: The user asked for an end.
        """
        with self._lock:
            while not self._is_first(name):
                interruption.check()
                self._lock.wait(_CHECK)

    def _is_first(self, name: str) -> bool:
        return name == min(self._waiting, key=lambda each: self._rank[each])

    def _has_started(self) -> None:
        with self._lock:
            self._starting -= 1

    def _admit(self, name: str) -> bool:
        with self._lock:
            if not self._is_first(name):
                return False
            if self._starting >= self._starting_limit:
                return False
            if self._running >= self._at_least and not self._has_room():
                return False
            self._waiting.discard(name)
            self._running += 1
            self._starting += 1
            self.peak = max(self.peak, self._running)
            self._since = self._meter.sample() if self._meter is not None else None
            return True

    def _has_room(self) -> bool:
        """Tell if enough processor time was free lately."""
        if self._meter is None or self._since is None:
            return True
        if self._now() - self._since.at < MEASURED_SECONDS:
            return False
        is_enough = self._meter.free_since(self._since) >= FREE_TO_START
        # What was long ago says nothing of now.
        self._since = self._meter.sample()
        return is_enough
