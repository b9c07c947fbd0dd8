"""Events of kubelets are converted, each occurrence once and with the best available time."""

from __future__ import annotations

from typing import Any

from harness.kit.clock import Clock
from harness.observe.event_time import Observation
from harness.observe.kubelet import KubeletTracker

CLOCK = Clock(1_769_860_800 * 1_000_000_000, 0)  # 2026-01-31T12:00:00Z
SEEN = Observation(CLOCK, 60_000_000_000)


def killing(**fields: Any) -> dict[str, Any]:
    """Return a kubelet's Event."""
    return {
        "metadata": {"uid": "e1", "name": "apple-1.17"},
        "involvedObject": {"kind": "Pod", "name": "apple-1"},
        "reason": "Killing",
        "message": "Stopping container echo",
        "source": {"component": "kubelet"},
        "lastTimestamp": "2026-01-31T12:00:07Z",
        **fields,
    }


def test_a_micro_time_is_exact_to_the_microsecond() -> None:
    """``eventTime`` is preferred to whole seconds."""
    (event,) = KubeletTracker().changed(killing(eventTime="2026-01-31T12:00:07.250000Z"), SEEN)

    assert (event.at, event.exact_ns) == (7_250_001_000, 1000)
    assert (event.subject, event.what) == ("apple-1", "Killing")


def test_a_whole_second_is_exact_to_the_second() -> None:
    """Without ``eventTime``, the event lies within the given second."""
    (event,) = KubeletTracker().changed(killing(), SEEN)

    assert (event.at, event.exact_ns) == (8_000_000_000, 1_000_000_000)


def test_a_repeated_event_is_reported_again() -> None:
    """A higher count is a new occurrence. The same object in a list is not."""
    tracker = KubeletTracker()
    first = list(tracker.changed(killing(count=1), SEEN))
    again = list(tracker.changed(killing(count=2, lastTimestamp="2026-01-31T12:00:09Z"), SEEN))
    listed = list(tracker.listed([killing(count=2, lastTimestamp="2026-01-31T12:00:09Z")], SEEN))

    assert [len(first), len(again), len(listed)] == [1, 1, 0]


def test_other_components_are_not_kubelets() -> None:
    """Events of the scheduler and of controllers are ignored."""
    assert list(KubeletTracker().changed(killing(source={"component": "default-scheduler"}), SEEN)) == []


def test_the_newer_form_of_events_is_understood() -> None:
    """events.k8s.io calls the component reportingComponent."""
    made = killing(source={}, reportingComponent="kubelet")

    assert len(list(KubeletTracker().changed(made, SEEN))) == 1
