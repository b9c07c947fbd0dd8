"""Tests when the time of a sender of ``harness watch`` is up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.model.attempt import Method
from harness.model.shapes import Shape
from harness.runner.watch.request import WatchRequest, origins_of
from harness.runner.watch.sender import Sender
from harness.store.rundir import TrialDirectory
from harness.traffic.process import TrafficChild

#: CLOCK_MONOTONIC of the schedule's origin in these tests.
ORIGIN_NS = 1_000_000_000


class ChildThatBegins:
    """A traffic process whose schedule has the origin of these tests."""

    def go(self, *_: Any, **__: Any) -> int:
        """Return the schedule's origin."""
        return ORIGIN_NS


@pytest.fixture
def sender(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Sender:
    """Return a sender that is ready to begin."""
    request = WatchRequest(
        urls=("http://127.0.0.1:9/",), rate=60.0, methods=(Method.GET,), shapes=(Shape.NEW,), timeout=2.0
    )
    monkeypatch.setattr(TrafficChild, "start", lambda _: ChildThatBegins())
    found = Sender(origins_of(request)[0], TrialDirectory(tmp_path))
    found.resolve()
    found.start(("127.0.0.1", 1))
    return found


def test_the_time_is_up_when_the_schedule_has_ended(sender: Sender) -> None:
    """The schedule begins at its origin, later than the command to begin: no slot of it is left out."""
    sender.go(1.0)

    assert sender.has_time(ORIGIN_NS + 999_999_999)
    assert not sender.has_time(ORIGIN_NS + 1_000_000_000)


def test_a_sender_without_an_end_always_has_time(sender: Sender) -> None:
    """Only a command or an interruption ends it."""
    sender.go(0.0)

    assert sender.has_time(2**62)
