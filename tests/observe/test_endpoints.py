"""EndpointSlices give the endpoints of each Service."""

from __future__ import annotations

from typing import Any

from harness.kit.clock import Clock
from harness.kube.api import Object
from harness.observe.endpoints import EndpointTracker
from harness.observe.event_time import Observation
from harness.testing.fake_workloads import endpoint_slice

CLOCK = Clock(0, 0)


def seen(at: int) -> Observation:
    """Return an observation by a watch."""
    return Observation(CLOCK, at)


def one(name: str, *entries: tuple[str, dict[str, bool]], port: int = 80) -> Object:
    """Return an EndpointSlice of the Service apple."""
    made: dict[str, Any] = endpoint_slice("apple", [], port)
    made["metadata"]["name"] = name
    made["endpoints"] = [{"addresses": [address], "conditions": conditions} for address, conditions in entries]
    return made


READY = {"ready": True}
ENDING = {"ready": False, "serving": True, "terminating": True}
STARTING = {"ready": False}


def test_endpoints_are_grouped_by_state() -> None:
    """Ready, terminating and unready endpoints are distinguished."""
    tracker = EndpointTracker()

    (event,) = tracker.changed(one("a", ("1.1.1.1", READY), ("1.1.1.2", ENDING), ("1.1.1.3", STARTING)), seen(5))

    assert event.detail == {"ready": "1.1.1.1:80", "terminating": "1.1.1.2:80", "unready": "1.1.1.3:80"}
    assert (event.subject, event.what, event.at) == ("apple", "changed", 5)


def test_an_absent_condition_counts_as_ready() -> None:
    """This is the API's rule."""
    tracker = EndpointTracker()
    list(tracker.changed(one("a", ("1.1.1.1", {})), seen(5)))

    assert tracker.services["apple"].ready_addresses == {"1.1.1.1"}


def test_the_slices_of_a_service_are_one() -> None:
    """A Service may have several slices. Its endpoints are those of all."""
    tracker = EndpointTracker()
    list(tracker.changed(one("a", ("1.1.1.1", READY)), seen(5)))
    (event,) = tracker.changed(one("b", ("1.1.1.2", READY)), seen(6))

    assert event.detail["ready"] == "1.1.1.1:80,1.1.1.2:80"


def test_an_unchanged_slice_has_no_event() -> None:
    """Only differences become events."""
    tracker = EndpointTracker()
    list(tracker.changed(one("a", ("1.1.1.1", READY)), seen(5)))

    assert list(tracker.changed(one("a", ("1.1.1.1", READY)), seen(6))) == []


def test_a_deleted_slice_takes_its_endpoints_with_it() -> None:
    """A list without the slice has the same effect, with an inexact time."""
    tracker = EndpointTracker()
    slice_a = one("a", ("1.1.1.1", READY))
    list(tracker.changed(slice_a, seen(5)))
    (live,) = tracker.deleted(slice_a, seen(6))
    list(tracker.changed(slice_a, seen(7)))
    (found,) = tracker.listed([], Observation(CLOCK, 20, 8))

    assert (live.detail["ready"], live.exact_ns) == ("", 0)
    assert (found.detail["ready"], found.at, found.exact_ns) == ("", 20, 12)


def test_only_ready_endpoints_are_something_for_an_ingress_to_follow() -> None:
    """An unready pod changes the slice, but no request goes anywhere else."""
    tracker = EndpointTracker()
    list(tracker.changed(one("a", ("1.1.1.1", READY)), seen(5)))
    list(tracker.changed(one("a", ("1.1.1.1", READY), ("1.1.1.2", STARTING)), seen(6)))

    assert tracker.ready_changed == {"apple": 5}
