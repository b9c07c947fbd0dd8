"""What EndpointSlices say of where a Service sends its requests."""

from __future__ import annotations

from typing import Any

from harness.kit.clock import Clock
from harness.kube.api import Object
from harness.observe.endpoints import EndpointTracker
from harness.observe.event_time import Observation
from harness.testing.fake_workloads import endpoint_slice

CLOCK = Clock(0, 0)


def seen(at: int) -> Observation:
    """Seen by a watch."""
    return Observation(CLOCK, at)


def one(name: str, *entries: tuple[str, dict[str, bool]], port: int = 80) -> Object:
    """An EndpointSlice of the Service apple."""
    made: dict[str, Any] = endpoint_slice("apple", [], port)
    made["metadata"]["name"] = name
    made["endpoints"] = [{"addresses": [address], "conditions": conditions} for address, conditions in entries]
    return made


READY = {"ready": True}
ENDING = {"ready": False, "serving": True, "terminating": True}
STARTING = {"ready": False}


def test_endpoints_are_sorted_by_what_may_be_sent_to_them() -> None:
    """Ready, terminating and not yet ready ones are told apart."""
    tracker = EndpointTracker()

    (event,) = tracker.changed(one("a", ("1.1.1.1", READY), ("1.1.1.2", ENDING), ("1.1.1.3", STARTING)), seen(5))

    assert event.detail == {"ready": "1.1.1.1:80", "terminating": "1.1.1.2:80", "unready": "1.1.1.3:80"}
    assert (event.subject, event.what, event.at) == ("apple", "changed", 5)


def test_an_absent_condition_counts_as_ready() -> None:
    """That is the API's rule."""
    tracker = EndpointTracker()
    list(tracker.changed(one("a", ("1.1.1.1", {})), seen(5)))

    assert tracker.services["apple"].ready_addresses == {"1.1.1.1"}


def test_the_slices_of_a_service_are_one() -> None:
    """A Service may have several; its endpoints are those of all."""
    tracker = EndpointTracker()
    list(tracker.changed(one("a", ("1.1.1.1", READY)), seen(5)))
    (event,) = tracker.changed(one("b", ("1.1.1.2", READY)), seen(6))

    assert event.detail["ready"] == "1.1.1.1:80,1.1.1.2:80"


def test_a_slice_that_says_the_same_again_is_no_news() -> None:
    """Only differences become events."""
    tracker = EndpointTracker()
    list(tracker.changed(one("a", ("1.1.1.1", READY)), seen(5)))

    assert list(tracker.changed(one("a", ("1.1.1.1", READY)), seen(6))) == []


def test_a_deleted_slice_takes_its_endpoints_with_it() -> None:
    """And a list without it does the same, but says since when that may be."""
    tracker = EndpointTracker()
    slice_a = one("a", ("1.1.1.1", READY))
    list(tracker.changed(slice_a, seen(5)))
    (live,) = tracker.deleted(slice_a, seen(6))
    list(tracker.changed(slice_a, seen(7)))
    (found,) = tracker.listed([], Observation(CLOCK, 20, 8))

    assert (live.detail["ready"], live.exact_ns) == ("", 0)
    assert (found.detail["ready"], found.at, found.exact_ns) == ("", 20, 12)


def test_only_ready_endpoints_are_something_for_an_ingress_to_follow() -> None:
    """A pod that is not ready yet changes the slice, but no request goes anywhere else."""
    tracker = EndpointTracker()
    list(tracker.changed(one("a", ("1.1.1.1", READY)), seen(5)))
    list(tracker.changed(one("a", ("1.1.1.1", READY), ("1.1.1.2", STARTING)), seen(6)))

    assert tracker.ready_changed == {"apple": 5}
