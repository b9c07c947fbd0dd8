"""Lines of ingress-nginx's log become events with the time of the line."""

from __future__ import annotations

import pytest

from harness.controllers.nginx.log import event_of, is_access
from harness.kit.clock import Clock
from harness.kube.logs import LogLine
from harness.kube.stamps import Stamps, stamp_ns

#: Wall time 1000 s is monotonic time 10 s.
CLOCK = Clock(1000 * 10**9, 10 * 10**9)
STAMP = "1970-01-01T00:16:41.250000000Z"  # 1001.25 s: monotonic 11.25 s


def line(text: str, *, stamp: str = STAMP, received: int = 12 * 10**9) -> LogLine:
    """Return a line as the API server sends it."""
    return LogLine(stamp, text, received)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('I0101 00:00:00.1 7 controller.go:213] "Backend successfully reloaded"', "reload"),
        ("I0101 00:00:00.1 7 controller.go:239] Dynamic reconfiguration succeeded.", "endpoints"),
        ("I0101 00:00:00.1 7 controller.go:186] No configuration change detected, skipping backend reload", "sync"),
        ("E0101 00:00:00.1 7 controller.go:208] Unexpected failure reloading the backend:", "reload-failed"),
    ],
)
def test_each_action_is_an_event(text: str, what: str) -> None:
    """Reload, endpoint update, sync without changes and failed reload are distinguished."""
    event = event_of(line(text), Stamps(CLOCK, same_clock=True))

    assert event is not None
    assert (event.what, event.at, event.exact_ns) == (what, 11_250_000_000, 0)


@pytest.mark.parametrize(
    "text", ["", "I0101 queue.go:129] syncing", '{"time":1,"uri":"Backend successfully reloaded"}']
)
def test_other_lines_are_no_events(text: str) -> None:
    """Other lines have no event, and a request can't forge one."""
    assert event_of(line(text), Stamps(CLOCK, same_clock=True)) is None


def test_access_lines_are_recognised_by_format() -> None:
    """Only lines in our own format are the access log."""
    assert is_access('{"time":1.000,"attempt":"a-0-1"}')
    assert not is_access("I0101 00:00:00.1 7 main.go:1] hello")


def test_time_of_another_machine_is_as_exact_as_its_arrival() -> None:
    """If the node's clock is not ours, the event happened at the latest when its line arrived."""
    assert Stamps(CLOCK, same_clock=False).place(line("x")) == (12 * 10**9, 750_000_000)


def test_timestamp_in_the_future_is_ignored() -> None:
    """No line is written after it arrives."""
    future = line("x", stamp="1970-01-01T01:00:00Z")

    assert Stamps(CLOCK, same_clock=True).place(future) == (12 * 10**9, 0)
    assert Stamps(CLOCK, same_clock=False).place(future) == (12 * 10**9, 0)


@pytest.mark.parametrize(
    ("stamp", "nanoseconds"),
    [
        ("1970-01-01T00:00:01Z", 10**9),
        ("1970-01-01T00:00:01.5Z", 1_500_000_000),
        ("1970-01-01T00:00:01.000000007Z", 1_000_000_007),
        ("1970-01-01T01:00:01.25+01:00", 1_250_000_000),
    ],
)
def test_timestamps_are_read_to_the_nanosecond(stamp: str, nanoseconds: int) -> None:
    """Whole seconds, any number of decimals, and any time zone are read."""
    assert stamp_ns(stamp) == nanoseconds
