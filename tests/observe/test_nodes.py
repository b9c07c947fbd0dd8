"""A node that is not well is on the timeline, and a healthy one has no events."""

from __future__ import annotations

from typing import Any

from harness.kit.clock import Clock
from harness.observe.event_time import Observation
from harness.observe.nodes import NodeTracker

CLOCK = Clock(1_769_860_800 * 1_000_000_000, 0)  # 2026-01-31T12:00:00Z
SEEN = Observation(CLOCK, 60_000_000_000)


def node(**statuses: str) -> dict[str, Any]:
    """Return a node that is healthy except for these conditions."""
    well = {"MemoryPressure": "False", "DiskPressure": "False", "PIDPressure": "False", "Ready": "True", "Odd": "True"}
    conditions = [
        {"type": kind, "status": status, "reason": f"Because{kind}", "lastTransitionTime": "2026-01-31T12:00:07Z"}
        for kind, status in {**well, **statuses}.items()
    ]
    return {"metadata": {"name": "n1"}, "status": {"conditions": conditions}}


def test_a_problem_has_a_begin_and_an_end() -> None:
    """Kubelets write their status every few seconds, but only a difference is an event."""
    tracker = NodeTracker()
    seen = [
        list(tracker.listed([node()], SEEN)),
        list(tracker.changed(node(MemoryPressure="True"), SEEN)),
        list(tracker.changed(node(MemoryPressure="True"), SEEN)),
        list(tracker.changed(node(), SEEN)),
    ]

    assert [[(e.subject, e.what, e.detail["condition"]) for e in events] for events in seen] == [
        [],
        [("n1", "unwell", "MemoryPressure")],
        [],
        [("n1", "well", "MemoryPressure")],
    ]
    assert (seen[1][0].at, seen[1][0].exact_ns) == (SEEN.at, 0)
    assert seen[1][0].detail["reason"] == "BecauseMemoryPressure"


def test_node_that_is_not_ready() -> None:
    """Ready is the only condition whose good status is True. It is Unknown for a silent kubelet."""
    (event,) = NodeTracker().changed(node(Ready="Unknown"), SEEN)

    assert (event.what, event.detail["condition"], event.detail["found"]) == ("unwell", "Ready", False)


def test_a_node_without_network_is_unwell_each_time_that_it_says_so() -> None:
    """The embedded cluster sets the condition to False and True again for each pod whose network it can't remove."""
    tracker = NodeTracker()
    again = [node(NetworkUnavailable=status) for status in ("True", "False", "True")]
    events = [event for each in again for event in tracker.changed(each, SEEN)]

    assert [(e.what, e.detail["condition"], e.detail["found"]) for e in events] == [
        ("unwell", "NetworkUnavailable", False),
        ("well", "NetworkUnavailable", False),
        ("unwell", "NetworkUnavailable", False),
    ]


def test_a_problem_in_the_first_list_is_marked() -> None:
    """It existed before. A problem in a later list is new."""
    tracker = NodeTracker()
    (before,) = tracker.listed([node(DiskPressure="True")], SEEN)
    (later,) = tracker.listed([node(DiskPressure="True", PIDPressure="True")], SEEN)

    assert (before.detail["found"], later.detail["found"]) == (True, False)


def test_a_problem_in_a_list_has_the_nodes_timestamp() -> None:
    """It may have begun at any time since the last observation."""
    look = Observation(CLOCK, 60_000_000_000, 1_000_000_000)
    (event,) = NodeTracker().listed([node(DiskPressure="True")], look)

    assert (event.at, event.exact_ns) == (8_000_000_000, 1_000_000_000)


def test_node_that_goes_and_comes_back_unwell() -> None:
    """A deleted node is forgotten."""
    tracker = NodeTracker()
    list(tracker.changed(node(DiskPressure="True"), SEEN))
    assert list(tracker.deleted(node(DiskPressure="True"), SEEN)) == []

    assert len(list(tracker.changed(node(DiskPressure="True"), SEEN))) == 1
