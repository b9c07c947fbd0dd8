"""The one way to wait: for an observed condition, with a deadline that names what was missing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from harness.errors import WaitTimeoutError

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T | None],
    *,
    timeout: float,
    what: str | Callable[[], str],
    interval: float = 0.02,
) -> T:
    """Poll ``condition`` until it gives something truthy.

    Args:
        condition: Asked at once, then every ``interval`` seconds, and a last time at the deadline.
        timeout: Seconds until it is given up.
        what: What is awaited, as a noun phrase ("pod apple to be ready"); a callable is asked only on failure,
            so that it can say what was seen last.
        interval: Seconds between two polls.

    Returns:
        The first truthy value.

    Raises:
        WaitTimeoutError: The deadline passed; the message names ``what``.
    """
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while True:
        last_look = time.monotonic() >= deadline
        value = condition()
        if value:
            return value
        if last_look:
            missing = what() if callable(what) else what
            raise WaitTimeoutError(f"Waited {timeout:g} s in vain for {missing}.")
        pause.wait(max(0.0, min(interval, deadline - time.monotonic())))
