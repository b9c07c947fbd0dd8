"""Each condition of rest alone keeps a system from being quiet."""

from __future__ import annotations

from typing import Any

from harness.kit.clock import Clock
from harness.observe.endpoints import EndpointTracker
from harness.observe.event_time import Observation
from harness.observe.pods import PodView
from harness.observe.rest import INGRESS_LAG_NS, at_rest
from harness.testing.fake_workloads import endpoint_slice

POD = PodView(uid="1", name="apple-1", address="1.1.1.1", labels={"app": "apple"}, ready=True)
SELECTORS = {"apple": {"app": "apple"}}


def endpoints(*addresses: str, at: int = 100) -> EndpointTracker:
    """Return the endpoints of the Service apple, changed at a moment."""
    tracker = EndpointTracker()
    made = endpoint_slice("apple", [])
    made["endpoints"] = [{"addresses": [address], "conditions": {"ready": True}} for address in addresses]
    list(tracker.changed(made, Observation(Clock(0, 0), at)))
    return tracker


def rest(**changes: Any) -> bool:
    """Return True if a system is at rest, with something changed."""
    given: dict[str, Any] = {
        "pods": [POD],
        "endpoints": endpoints("1.1.1.1"),
        "ingress_last": 200,
        "since": 50,
        "now": 300,
        **changes,
    }
    pods, known = given.pop("pods"), given.pop("endpoints")
    return at_rest(pods, SELECTORS, known, **given)


def test_a_system_at_rest_is_quiet() -> None:
    """No pod is terminating, endpoints are the ready pods, and the ingress has followed."""
    assert rest()


def test_a_system_with_a_terminating_pod_is_not_at_rest() -> None:
    """Even one without a Service."""
    assert not rest(pods=[POD, PodView(uid="2", name="old", deletion="2026-01-31T12:00:00Z")])


def test_a_system_with_a_ready_pod_without_endpoint_is_not_at_rest() -> None:
    """The endpoint controller still has to add it."""
    assert not rest(pods=[POD, PodView(uid="2", name="new", address="1.1.1.2", labels={"app": "apple"}, ready=True)])


def test_a_system_with_an_endpoint_without_ready_pod_is_not_at_rest() -> None:
    """The endpoint controller still has to remove it."""
    assert not rest(endpoints=endpoints("1.1.1.1", "1.1.1.9"))


def test_a_pod_that_is_not_ready_needs_no_endpoint() -> None:
    """A stuck rollout comes to rest with its unready pod."""
    assert rest(pods=[POD, PodView(uid="2", name="stuck", address="1.1.1.2", labels={"app": "apple"})])


def test_a_system_whose_ingress_has_not_followed_is_not_at_rest() -> None:
    """It had no event since the endpoints changed."""
    assert not rest(ingress_last=99)


def test_a_silent_ingress_is_at_rest_after_its_longest_delay() -> None:
    """After its longest delay, no event is expected any more."""
    assert rest(ingress_last=-1, now=100 + INGRESS_LAG_NS)


def test_endpoints_that_changed_before_do_not_matter() -> None:
    """The ingress needs no event if no endpoint changed since the change began."""
    assert rest(ingress_last=-1, since=101)
