"""An autoscaler without metrics only keeps a scale within its bounds, with the conditions and Events of a real one."""

from __future__ import annotations

from typing import Any

import pytest

from harness.localkube.controllers.autoscaling import decide, status_after, without_scale

CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
BEFORE, NOW = "2030-01-01T12:00:00Z", "2030-01-01T12:00:15Z"


def a_spec(smallest: int, largest: int, *metrics: dict[str, Any]) -> dict[str, Any]:
    """Return the specification of an autoscaler with its defaults."""
    return {"minReplicas": smallest, "maxReplicas": largest, "metrics": list(metrics or (CPU,))}


@pytest.mark.parametrize(("current", "wanted"), [(0, None), (1, 2), (2, None), (4, None), (5, None), (6, 5), (100, 5)])
def test_only_a_scale_outside_the_bounds_is_moved(current: int, wanted: int | None) -> None:
    """A scale of 0 switches the autoscaler off."""
    assert decide(a_spec(2, 5), current).replicas == wanted


@pytest.mark.parametrize(
    ("current", "reason"),
    [
        (1, "Current number of replicas below Spec.MinReplicas"),
        (9, "Current number of replicas above Spec.MaxReplicas"),
        (3, ""),
        (0, ""),
    ],
)
def test_the_reason_is_that_of_the_real_controller(current: int, reason: str) -> None:
    """The Event quotes it."""
    assert decide(a_spec(2, 5), current).reason == reason


def test_a_rescaled_target_is_written_to_the_status() -> None:
    """The status has the number before and the wanted one, and the time."""
    status = status_after({"status": {"desiredReplicas": 0}}, decide(a_spec(2, 5), 1), 1, NOW)

    assert (status["currentReplicas"], status["desiredReplicas"], status["lastScaleTime"]) == (1, 2, NOW)
    assert [(each["type"], each["status"], each["reason"]) for each in status["conditions"]] == [
        ("AbleToScale", "True", "SucceededRescale")
    ]
    assert status["conditions"][0]["message"] == "the HPA controller was able to update the target scale to 2"


def test_a_scale_within_the_bounds_stays_and_the_missing_metrics_are_reported() -> None:
    """The wanted number of the status stays that of the last scaling, since no metric gives another one."""
    decision = decide(a_spec(2, 5), 2)
    before = {"desiredReplicas": 2, "lastScaleTime": BEFORE}

    status = status_after({"status": before}, decision, 2, NOW)

    assert (status["desiredReplicas"], status["lastScaleTime"]) == (2, BEFORE)
    assert [(each["type"], each["status"], each["reason"]) for each in status["conditions"]] == [
        ("AbleToScale", "True", "SucceededGetScale"),
        ("ScalingActive", "False", "FailedGetResourceMetric"),
    ]
    assert [each.reason for each in decision.warnings] == ["FailedGetResourceMetric", "FailedComputeMetricsReplicas"]
    assert decision.warnings[1].message.startswith("invalid metrics (1 invalid out of 1), first error is: ")


def test_a_scale_of_0_disables_the_autoscaler() -> None:
    """Nothing warns: that is how an application is switched off."""
    decision = decide(a_spec(2, 5), 0)
    status = status_after({}, decision, 0, NOW)

    assert decision.warnings == ()
    assert (status["currentReplicas"], status["desiredReplicas"]) == (0, 0)
    assert [(each["type"], each["reason"]) for each in status["conditions"]] == [
        ("AbleToScale", "SucceededGetScale"),
        ("ScalingActive", "ScalingDisabled"),
    ]


def test_a_target_that_is_not_there_leaves_the_numbers_alone() -> None:
    """Only the condition and one Event say so."""
    decision = without_scale('deployments.apps "nothing" not found')
    status = status_after({"status": {"desiredReplicas": 0}}, decision, None, NOW)

    assert "currentReplicas" not in status
    assert [(each["type"], each["status"], each["reason"]) for each in status["conditions"]] == [
        ("AbleToScale", "False", "FailedGetScale")
    ]
    assert [each.message for each in decision.warnings] == ['deployments.apps "nothing" not found']


def test_a_condition_keeps_the_time_of_its_last_transition() -> None:
    """Another reason alone is no transition; the order of the conditions stays."""
    conditions = [
        {"type": kind, "status": status, "reason": "Old", "message": "", "lastTransitionTime": BEFORE}
        for kind, status in (("ScalingActive", "True"), ("AbleToScale", "True"))
    ]

    status = status_after({"status": {"conditions": conditions}}, decide(a_spec(2, 5), 3), 3, NOW)

    assert [(each["type"], each["reason"], each["lastTransitionTime"]) for each in status["conditions"]] == [
        ("ScalingActive", "FailedGetResourceMetric", NOW),
        ("AbleToScale", "SucceededGetScale", BEFORE),
    ]


@pytest.mark.parametrize(
    ("kind", "field", "source"),
    [
        ("ContainerResource", "containerResource", {"name": "cpu", "container": "app", "target": {"type": "Value"}}),
        ("Pods", "pods", {"metric": {"name": "rps"}, "target": {"type": "AverageValue"}}),
        ("Object", "object", {"metric": {"name": "rps"}, "target": {"type": "Value"}}),
        ("External", "external", {"metric": {"name": "queue"}, "target": {"type": "Value"}}),
    ],
)
def test_each_kind_of_metric_is_missing(kind: str, field: str, source: dict[str, Any]) -> None:
    """The reason names the kind; every metric has its Event, and the condition names the first one."""
    decision = decide(a_spec(1, 5, {"type": kind, field: source}, CPU), 1)

    assert [each.reason for each in decision.warnings] == [
        f"FailedGet{kind}Metric",
        "FailedGetResourceMetric",
        "FailedComputeMetricsReplicas",
    ]
    assert decision.conditions[-1].reason == f"FailedGet{kind}Metric"
    assert "(2 invalid out of 2)" in decision.warnings[-1].message
