"""Waiting returns the first truthy value, and its error names what was missing."""

from __future__ import annotations

import pytest

from harness.errors import WaitTimeoutError
from harness.kit.waiting import at_most_every, wait_until


def test_first_truthy_value_is_returned() -> None:
    """Falsy values are polled again."""
    answers = iter([None, 0, "", "ready", "later"])

    assert wait_until(lambda: next(answers), timeout=1, what="an answer", interval=0) == "ready"


def test_failure_names_what_was_missing_as_seen_last() -> None:
    """The message is made at the end, with the last observation."""
    seen: list[int] = []

    with pytest.raises(WaitTimeoutError, match=r"waiting for \d+ of 5 pods"):
        wait_until(lambda: seen.append(1), timeout=0.01, what=lambda: f"{len(seen)} of 5 pods", interval=0.001)

    assert len(seen) >= 2


def test_condition_is_asked_even_without_time() -> None:
    """With a timeout of zero, the condition is still called once."""
    assert wait_until(lambda: True, timeout=0, what="the obvious")


def test_errors_of_the_condition_pass_through() -> None:
    """An exception of the condition ends the wait."""
    with pytest.raises(KeyError):
        wait_until(lambda: dict[str, int]()["x"], timeout=1, what="nothing")


def test_a_call_is_made_at_most_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first at once, another once the time is over; not one for each time it is asked."""
    now = 100.0
    calls: list[float] = []
    monkeypatch.setattr("harness.kit.waiting.time.monotonic", lambda: now)
    maybe = at_most_every(0.2, lambda: calls.append(now))
    for step in (0.0, 0.1, 0.19, 0.2, 0.3, 0.41):
        now = 100.0 + step
        maybe()

    assert calls == [100.0, 100.2, 100.41]
