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

#: Free processors, on average, that another trial needs to begin. A start takes about one processor for a second, and
#: must not delay the running trials.
FREE_TO_START = 0.5
#: Seconds of one measurement. It begins at the last start, whose use it must show, or at the last measurement.
MEASURED_SECONDS = 0.3
#: Seconds between two attempts of the next trial to begin.
_ASK = 0.05
#: Seconds between two checks for an interruption by a trial that is not the next.
_CHECK = 0.5


class Meter(Protocol):
    """Measures free processor time (``ProcessorMeter``)."""

    def sample(self) -> Sample:
        """Begin to measure."""

    def free_since(self, earlier: Sample) -> float:
        """Return how many processors were free on average since an earlier sample."""


class Turn:
    """The turn of a trial that may run."""

    def __init__(self, started: Callable[[], None]) -> None:
        self._started = started
        self._has_started = False

    def started(self) -> None:
        """Report the end of its start-up. From now on it uses little, so another trial may start."""
        if not self._has_started:
            self._has_started = True
            self._started()


class Admission:
    """Lets trials begin in a given order. Used by a thread per trial.

    A few begin whatever is free, so that a run goes on even if the machine has no free time.

    Args:
        order: The names of the trials, in the order in which they begin.
        meter: Measures free processor time; None lets trials begin whatever is free.
        starting: The most trials that start up at once.
        at_least: Number of trials that run side by side however little is free: their share of a busy machine mostly
            suffices.
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
        """Wait until no waiting trial comes before this one: only the first of them asks for room.

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
        """Return True if enough processor time was free lately."""
        if self._meter is None or self._since is None:
            return True
        if self._now() - self._since.at < MEASURED_SECONDS:
            return False
        is_enough = self._meter.free_since(self._since) >= FREE_TO_START
        # Begin the next measurement here: earlier use says nothing about the present.
        self._since = self._meter.sample()
        return is_enough
