"""Changes of a pod's object become events, both in a watch and in a later list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.kit.clock import Clock
from harness.kube.api import Object
from harness.model.timeline import Event
from harness.observe.event_time import Observation
from harness.observe.pods import PodTracker
from harness.testing.fake_api import stamp
from harness.testing.fake_workloads import pod

NS = 1_000_000_000
START = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
CLOCK = Clock(int(START.timestamp()) * NS, 0)


def at(seconds: float) -> datetime:
    """Return a timestamp, given in seconds from the run's begin."""
    return START + timedelta(seconds=seconds)


def live(seconds: float) -> Observation:
    """Return an observation by a watch."""
    return Observation(CLOCK, int(seconds * NS))


def listed(seconds: float, since: float) -> Observation:
    """Return an observation by a list, after everything was known at ``since``."""
    return Observation(CLOCK, int(seconds * NS), int(since * NS))


def apple(*, ready: bool = True, scheduled: bool = True, started: bool = True, **metadata: Any) -> Object:
    """Return a pod that was created, scheduled, started and ready at second 5."""
    made = pod("apple-1", {"app": "apple", "version": "apple-v1", "pod-template-hash": "abc"}, "127.9.1.1", ready=ready)
    made["metadata"] |= {"uid": "u1", "creationTimestamp": stamp(at(5)), **metadata}
    for condition in made["status"]["conditions"]:
        condition["lastTransitionTime"] = stamp(at(5))
    if not scheduled:
        made["status"]["conditions"] = []
    made["status"]["containerStatuses"][0]["state"] = {"running": {"startedAt": stamp(at(5))}} if started else {}
    return made


def terminating(**more: Any) -> Object:
    """Return the pod with its deletion requested at second 9, with 30 s of grace."""
    return apple(deletionTimestamp=stamp(at(39)), deletionGracePeriodSeconds=30, **more)


def what(events: list[Event]) -> list[str]:
    """Return the names of events, in order."""
    return [event.what for event in events]


@pytest.fixture
def tracker() -> PodTracker:
    """Return a tracker that knows no pod."""
    return PodTracker()


def test_each_step_of_a_life_is_an_event(tracker: PodTracker) -> None:
    """Every step becomes one event, once."""
    steps = [
        apple(ready=False, scheduled=False, started=False),
        apple(ready=False, started=False),
        apple(ready=False),
        apple(),
        apple(),
        terminating(),
        terminating(ready=False),
    ]

    events = [event for n, step in enumerate(steps) for event in tracker.changed(step, live(5.1 + n))]
    events += tracker.deleted(terminating(ready=False), live(20))

    assert what(events) == ["created", "scheduled", "started", "ready", "terminating", "unready", "gone"]


def test_an_event_says_which_pod_it_was(tracker: PodTracker) -> None:
    """Every event has address, labels, template hash and image."""
    event = list(tracker.changed(apple(), live(6)))[-1]

    assert event.subject == "apple-1"
    assert event.detail == {
        "ip": "127.9.1.1",
        "image": "hashicorp/http-echo:1.0",
        "app": "apple",
        "version": "apple-v1",
        "hash": "abc",
    }


def test_a_live_change_happened_when_it_was_seen(tracker: PodTracker) -> None:
    """A watch is as exact as possible: the timestamp of whole seconds adds nothing."""
    list(tracker.changed(apple(ready=False), live(5.1)))

    (ready,) = tracker.changed(apple(), live(5.4))

    assert (ready.at, ready.exact_ns) == (int(5.4 * NS), 0)


def test_a_container_started_before_it_was_reported(tracker: PodTracker) -> None:
    """A status comes late. The start lies within the kubelet's second."""
    (started,) = [e for e in tracker.changed(apple(), live(8)) if e.what == "started"]

    assert (started.at, started.exact_ns) == (6 * NS, NS)


def test_a_pod_that_was_there_before_is_dated_by_its_timestamps(tracker: PodTracker) -> None:
    """The first list finds old pods. Their steps have their timestamps, to the second."""
    events = list(tracker.listed([apple()], listed(60, 0)))

    assert {(e.what, e.at, e.exact_ns) for e in events} == {
        (step, 6 * NS, NS) for step in ("created", "scheduled", "started", "ready")
    }


def test_a_deletion_is_dated_by_its_grace_period(tracker: PodTracker) -> None:
    """The object has the end of the grace period. The deletion was requested that much earlier."""
    list(tracker.listed([apple()], listed(6, 0)))

    (event,) = tracker.listed([terminating()], listed(12, 7))

    assert (event.what, event.at, event.exact_ns) == ("terminating", 10 * NS, NS)
    assert event.detail["grace"] == 30


def test_a_pod_that_vanished_unseen_is_gone_at_the_latest_now(tracker: PodTracker) -> None:
    """It has no timestamp: it vanished at some time since the last observation."""
    list(tracker.listed([apple()], listed(6, 0)))

    (event,) = tracker.listed([], listed(12, 7))

    assert (event.what, event.at, event.exact_ns) == ("gone", 12 * NS, 5 * NS)


def test_steps_that_arrive_with_the_deletion_are_not_lost(tracker: PodTracker) -> None:
    """A forced deletion marks and removes at once. Both are events."""
    list(tracker.changed(apple(), live(6)))

    events = list(tracker.deleted(terminating(), live(9.5)))

    assert what(events) == ["terminating", "gone"]


def test_a_pod_of_the_same_name_is_another_pod(tracker: PodTracker) -> None:
    """The uid identifies a pod: a replacement with the same name is created, and the old one is gone."""
    list(tracker.changed(apple(), live(6)))

    events = list(tracker.listed([apple(uid="u2")], listed(9, 8)))

    assert what(events) == ["gone", "created", "scheduled", "started", "ready"]


def test_a_restarted_container_is_reported_again(tracker: PodTracker) -> None:
    """A restart has another start time."""
    list(tracker.changed(apple(), live(6)))
    again = apple()
    again["status"]["containerStatuses"][0]["state"]["running"]["startedAt"] = stamp(at(8))

    assert what(list(tracker.changed(again, live(9)))) == ["started"]


def test_a_timestamp_from_the_future_is_ignored(tracker: PodTracker) -> None:
    """A clock that is ahead does not move events beyond their observation."""
    early = listed(2, 1)

    assert {e.at for e in tracker.listed([apple()], early)} == {2 * NS}


def test_a_clock_that_is_behind_does_not_move_events_before_the_last_look() -> None:
    """A change that the last observation did not show happened after it."""
    assert listed(12, 7).place(stamp(at(3))) == (12 * NS, 5 * NS)
