"""Each pod has its own events, and those by which endpoints and ingress follow it."""

from __future__ import annotations

from dataclasses import replace

from harness.analysis.evidence import TrialEvidence
from harness.analysis.pod_events import pod_events_of
from harness.model.timeline import Event, EventKind
from harness.testing.evidence import at, quiet_trial


def timeline(*events: tuple[float, EventKind, str, str, dict[str, str]]) -> TrialEvidence:
    """Return a trial with these events only: seconds, kind, subject, word and detail."""
    return replace(
        quiet_trial(),
        timeline=tuple(Event(at(when), kind, subject, what, detail) for when, kind, subject, what, detail in events),
    )


def test_endpoints_and_ingress_are_events_of_the_pods_at_their_addresses() -> None:
    """The same list again changes nothing, and an unknown address is nobody's."""
    trial = timeline(
        (-1, EventKind.POD, "a", "ready", {"ip": "10.0.0.1"}),
        (-1, EventKind.ENDPOINTS, "service", "changed", {"ready": "10.0.0.1:80"}),
        (1.0, EventKind.POD, "b", "ready", {"ip": "10.0.0.2"}),
        (1.1, EventKind.ENDPOINTS, "service", "changed", {"ready": "10.0.0.1:80,10.0.0.2:80,10.0.0.9:80"}),
        (1.2, EventKind.INGRESS, "nginx", "endpoints", {"added": "10.0.0.2:80"}),
        (1.3, EventKind.POD, "a", "terminating", {"ip": "10.0.0.1"}),
        (1.4, EventKind.KUBELET, "a", "Killing", {}),
        (1.5, EventKind.ENDPOINTS, "service", "changed", {"ready": "10.0.0.2:80", "terminating": "10.0.0.1:80"}),
        (1.6, EventKind.INGRESS, "nginx", "endpoints", {"removed": "10.0.0.1:80"}),
        (1.7, EventKind.POD, "a", "gone", {"ip": "10.0.0.1"}),
    )

    assert [(event.at, event.subject, event.what) for event in pod_events_of(trial)] == [
        (1.0, "b", "ready"),
        (1.1, "b", "endpoint-added"),
        (1.2, "b", "ingress-added"),
        (1.3, "a", "terminating"),
        (1.4, "a", "stopping"),
        (1.5, "a", "endpoint-removed"),
        (1.6, "a", "ingress-removed"),
        (1.7, "a", "gone"),
    ]


def test_a_later_pod_gets_the_events_of_an_address_that_is_used_again() -> None:
    """A real cluster gives an address to another pod after a while."""
    trial = timeline(
        (0.1, EventKind.POD, "a", "gone", {"ip": "10.0.0.1"}),
        (0.2, EventKind.POD, "b", "created", {"ip": "10.0.0.1"}),
        (0.3, EventKind.INGRESS, "nginx", "endpoints", {"added": "10.0.0.1:80"}),
    )

    assert [(event.subject, event.what) for event in pod_events_of(trial)] == [("a", "gone"), ("b", "ingress-added")]


def test_without_an_origin_nothing_has_a_time() -> None:
    """Traffic never began."""
    assert pod_events_of(replace(quiet_trial(), origin_ns=0)) == ()


def test_a_service_keeps_its_own_list() -> None:
    """A pod that one Service no longer lists may be listed by another."""
    trial = timeline(
        (0.1, EventKind.POD, "a", "ready", {"ip": "10.0.0.1"}),
        (0.2, EventKind.ENDPOINTS, "one", "changed", {"ready": "10.0.0.1:80"}),
        (0.3, EventKind.ENDPOINTS, "two", "changed", {"ready": ""}),
        (0.4, EventKind.ENDPOINTS, "one", "changed", {"ready": "10.0.0.1:80", "unready": "10.0.0.3:80"}),
    )

    assert [event.what for event in pod_events_of(trial)] == ["ready", "endpoint-added"]
