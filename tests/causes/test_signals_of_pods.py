"""Signals to pods, and the closing of listeners, follow from the kubelet's events, the hook and the grace period."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from lossy_scenes import OLD, stopping, trial

from harness.causes.pods import signal_marks
from harness.judging.trial import judge_trial
from harness.model.timeline import EventKind
from harness.testing.evidence import without_events

SLEEP = {"sleep": {"seconds": 2}}
EXEC = {"exec": {"command": ["/drain"]}}


def signals(*, gone: float, **workload: Any) -> dict[str, float]:
    """Return the times of the signals of a pod that is stopped 1 s after the start of traffic and gone later."""
    grace = workload.get("grace", 30)
    found = signal_marks(stopping(trial(**workload), OLD, 1.0, gone=gone, grace=grace))
    assert {(mark.subject, mark.kind, mark.text) for mark in found} <= {(OLD, "kubelet", "derived")}
    return {mark.what: round(mark.at, 3) for mark in found}


@pytest.mark.parametrize(
    ("workload", "gone", "expected"),
    [
        ({}, 1.2, {"sigterm": 1.0, "listener-closed": 1.0}),
        ({"hook": SLEEP}, 3.5, {"sigterm": 3.0, "listener-closed": 3.0}),
        # It ignored SIGTERM, so nothing closed its listener before it was killed.
        ({"hook": SLEEP, "grace": 5}, 6.1, {"sigterm": 3.0, "sigkill": 6.0}),
        # The kubelet kills 2 s later if the hook is still running at the end of the grace period.
        ({"hook": SLEEP, "grace": 2}, 5.2, {"sigterm": 3.0, "sigkill": 5.0}),
        # Deleted by force: its object is gone, so nobody can observe how its containers end.
        ({"grace": 0}, 1.1, {"sigterm": 1.0}),
        # Nothing tells how long the hook took.
        ({"hook": EXEC}, 4.0, {}),
        # It was gone before its hook could end: a node that went away, or a second deletion by force.
        ({"hook": {"sleep": {"seconds": 20}}}, 2.0, {}),
    ],
)
def test_a_pod_has_the_signals_that_follow_from_its_end(
    workload: dict[str, Any], gone: float, expected: dict[str, float]
) -> None:
    """A signal whose time is not known has no mark."""
    assert signals(gone=gone, **workload) == expected


def test_a_pod_that_is_not_stopped_has_no_signals() -> None:
    """Neither has a trial without an origin, whose times have no beginning."""
    stopped = stopping(trial(), OLD, 1.0, gone=1.2)

    assert signal_marks(trial()) == ()
    assert signal_marks(stopped) != ()
    assert signal_marks(replace(stopped, origin_ns=0)) == ()


def test_the_chart_gets_signals_in_order_with_the_observed_events() -> None:
    """They come from judging, so that the report draws what the verdict has."""
    events = judge_trial(stopping(trial(hook=SLEEP), OLD, 1.0, gone=3.5)).pod_events
    words = [event.what for event in events if event.subject == OLD]

    assert [event.at for event in events] == sorted(event.at for event in events)
    assert words.index("terminating") < words.index("sigterm") < words.index("gone")
    assert "listener-closed" in words


def test_without_the_kubelets_event_the_deletion_counts() -> None:
    """Events of kubelets can expire or be forbidden; the deletion is the earliest time that is possible."""
    quiet = without_events(stopping(trial(hook=SLEEP), OLD, 1.0, gone=3.5), EventKind.KUBELET, "Killing")

    assert [round(mark.at, 3) for mark in signal_marks(quiet)] == [3.0, 3.0]
