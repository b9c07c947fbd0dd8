"""Waits for an observed condition. The error after the deadline names what was missing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from harness.errors import WaitTimeoutError
from harness.kit.interruption import nap

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T | None],
    *,
    timeout: float,
    what: str | Callable[[], str],
    interval: float = 0.02,
) -> T:
    """Poll ``condition`` until it returns a truthy value.

    Args:
        condition: Called at once, then every ``interval`` seconds, and a last time at the deadline.
        timeout: Seconds until the deadline.
        what: The awaited condition as a phrase ("pod apple to be ready"). A callable is called only on failure, so
            that it can include the last observation.
        interval: Seconds between two polls.

    Returns:
        The first truthy value.

    Raises:
        WaitTimeoutError: The deadline passed; the message names ``what``.
        Interrupted: The user requested an end. Raised once per thread, so that the waits of clean-up work.
    """
    deadline = time.monotonic() + timeout
    while True:
        last_look = time.monotonic() >= deadline
        value = condition()
        if value:
            return value
        if last_look:
            missing = what() if callable(what) else what
            raise WaitTimeoutError(f"Timed out after {timeout:g} s, waiting for {missing}.")
        nap(max(0.0, min(interval, deadline - time.monotonic())))


def pause(seconds: float, *, tick: Callable[[], None] = lambda: None, interval: float = 0.25) -> None:
    """Wait for the length of a phase. Never use this to wait for an event.

    Args:
        seconds: Length of the phase.
        tick: Called every ``interval`` seconds, to show progress.
        interval: Seconds between two calls.

    Raises:
        Interrupted: The user requested an end.
    """
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        tick()
        nap(min(interval, left))


def at_most_every(seconds: float, call: Callable[[], None]) -> Callable[[], None]:
    """Return a function that calls ``call``, unless it did so less than ``seconds`` ago. For one thread."""
    latest = float("-inf")

    def maybe() -> None:
        nonlocal latest
        now = time.monotonic()
        if now - latest >= seconds:
            latest = now
            call()

    return maybe
