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
    assert decide(a_spec(2, 5), current, "raw").replicas == wanted


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
    assert decide(a_spec(2, 5), current, "raw").reason == reason


def test_a_rescaled_target_is_written_to_the_status() -> None:
    """The status has the number before and the wanted one, and the time."""
    status = status_after({"status": {"desiredReplicas": 0}}, decide(a_spec(2, 5), 1, "raw"), 1, NOW)

    assert (status["currentReplicas"], status["desiredReplicas"], status["lastScaleTime"]) == (1, 2, NOW)
    assert [(each["type"], each["status"], each["reason"]) for each in status["conditions"]] == [
        ("AbleToScale", "True", "SucceededRescale")
    ]
    assert status["conditions"][0]["message"] == "the HPA controller was able to update the target scale to 2"


def test_a_scale_within_the_bounds_stays_and_the_missing_metrics_are_reported() -> None:
    """The wanted number of the status stays that of the last scaling, since no metric gives another one."""
    decision = decide(a_spec(2, 5), 2, "raw")
    before = {"desiredReplicas": 2, "lastScaleTime": BEFORE}

    status = status_after({"status": before}, decision, 2, NOW)

    assert (status["desiredReplicas"], status["lastScaleTime"]) == (2, BEFORE)
    assert status["currentMetrics"] == [{"type": ""}]
    assert [(each["type"], each["status"], each["reason"]) for each in status["conditions"]] == [
        ("AbleToScale", "True", "SucceededGetScale"),
        ("ScalingActive", "False", "FailedGetResourceMetric"),
    ]
    assert [each.reason for each in decision.warnings] == ["FailedGetResourceMetric", "FailedComputeMetricsReplicas"]
    assert decision.warnings[1].message.startswith("invalid metrics (1 invalid out of 1), first error is: ")


def test_a_scale_of_0_disables_the_autoscaler() -> None:
    """Nothing warns: that is how an application is switched off."""
    decision = decide(a_spec(2, 5), 0, "raw")
    status = status_after({}, decision, 0, NOW)

    assert decision.warnings == ()
    assert (status.get("currentReplicas"), status["desiredReplicas"]) == (None, 0)
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

    status = status_after({"status": {"conditions": conditions}}, decide(a_spec(2, 5), 3, "raw"), 3, NOW)

    assert [(each["type"], each["reason"], each["lastTransitionTime"]) for each in status["conditions"]] == [
        ("ScalingActive", "FailedGetResourceMetric", NOW),
        ("AbleToScale", "SucceededGetScale", BEFORE),
    ]


RPS = {"metric": {"name": "rps"}}
QUEUE = {"metric": {"name": "queue", "selector": {"matchLabels": {"a": "b"}}}, "target": {"type": "Value"}}
DESCRIBED = {"describedObject": {"apiVersion": "v1", "kind": "Service", "name": "db"}}
NO_CUSTOM = "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
NO_EXTERNAL = (
    "unable to fetch metrics from external metrics API: the server could not find the requested resource "
    "(get queue.external.metrics.k8s.io)"
)
NO_RESOURCE = (
    "unable to fetch metrics from resource metrics API: the server could not find the requested resource "
    "(get pods.metrics.k8s.io)"
)
LABELS = "&LabelSelector{MatchLabels:map[string]string{a: b,},MatchExpressions:[]LabelSelectorRequirement{},}"


@pytest.mark.parametrize(
    ("kind", "source", "text", "summary"),
    [
        (
            "Resource",
            {"name": "memory", "target": {"type": "AverageValue"}},
            f"failed to get memory usage: unable to get metrics for resource memory: {NO_RESOURCE}",
            "failed to get memory resource metric value: ",
        ),
        (
            "ContainerResource",
            {"name": "cpu", "container": "app", "target": {"type": "Utilization"}},
            f"failed to get cpu utilization: unable to get metrics for resource cpu: {NO_RESOURCE}",
            "failed to get app container metric value: ",
        ),
        (
            "Pods",
            {**RPS, "target": {"type": "AverageValue"}},
            f"unable to get metric rps: {NO_CUSTOM}",
            "failed to get pods metric value: ",
        ),
        (
            "Object",
            {**RPS, **DESCRIBED, "target": {"type": "Value"}},
            f"unable to get metric rps: Service on raw db/{NO_CUSTOM}",
            "failed to get object metric value: ",
        ),
        (
            "Object",
            {**RPS, **DESCRIBED, "target": {"type": "AverageValue"}},
            f"unable to get metric rps: Service on raw db/{NO_CUSTOM}",
            "failed to get object metric value: failed to get rps object metric: ",
        ),
        (
            "External",
            QUEUE,
            f"unable to get external metric raw/queue/{LABELS}: {NO_EXTERNAL}",
            "failed to get queue external metric value: failed to get external metric queue: ",
        ),
        (
            "External",
            {"metric": {"name": "queue"}, "target": {"type": "AverageValue"}},
            f"unable to get external metric raw/queue/nil: {NO_EXTERNAL}",
            "failed to get queue external metric value: failed to get queue external metric: ",
        ),
    ],
)
def test_the_texts_are_those_of_a_cluster_without_metrics(
    kind: str, source: dict[str, Any], text: str, summary: str
) -> None:
    """They were recorded on kind. Every metric has its Event, and the condition names the first one."""
    decision = decide(a_spec(1, 5, {"type": kind, kind[0].lower() + kind[1:]: source}, CPU), 1, "raw")

    assert [each.reason for each in decision.warnings] == [
        f"FailedGet{kind}Metric",
        "FailedGetResourceMetric",
        "FailedComputeMetricsReplicas",
    ]
    assert decision.warnings[0].message == text
    assert decision.warnings[-1].message == f"invalid metrics (2 invalid out of 2), first error is: {summary}{text}"
    assert decision.conditions[-1].reason == f"FailedGet{kind}Metric"
    assert decision.conditions[-1].message == f"the HPA was unable to compute the replica count: {text}"
