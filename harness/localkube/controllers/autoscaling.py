"""Decide what a HorizontalPodAutoscaler does on a cluster without metrics: it only keeps a scale within its bounds.

Source: ``reconcileAutoscaler`` in k8s.io/kubernetes/pkg/controller/podautoscaler/horizontal.go, with the error of a
cluster that has no metrics-server, as a new kind cluster has none. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.localkube.machinery.objects import Object, condition, with_condition

_ABLE, _ACTIVE = "AbleToScale", "ScalingActive"
_NO_RESOURCE_METRICS = (
    "unable to fetch metrics from resource metrics API: the server could not find the requested resource "
    "(get pods.metrics.k8s.io)"
)
_NO_CUSTOM_METRICS = (
    "unable to fetch metrics from custom metrics API: the server could not find the requested resource "
    "(get services.custom.metrics.k8s.io)"
)


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition to write.

    Attributes:
        kind: Its type.
        status: ``True`` or ``False``.
        reason: CamelCase word.
        message: Sentence for users.
    """

    kind: str
    status: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Warned:
    """An Event of type ``Warning``.

    Attributes:
        reason: CamelCase word.
        message: Sentence for users.
    """

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome of a sync.

    Attributes:
        replicas: Number of replicas to write; None to leave the number as it is.
        reason: Reason for another number, for the Event; empty without one.
        conditions: Conditions to write, in this order.
        warnings: Events to record.
        computed: True if the wanted number of replicas is known, so that the status gets it.
    """

    replicas: int | None = None
    reason: str = ""
    conditions: tuple[Condition, ...] = ()
    warnings: tuple[Warned, ...] = ()
    computed: bool = True


_GOT_SCALE = Condition(
    _ABLE, "True", "SucceededGetScale", "the HPA controller was able to get the target's current scale"
)


def decide(spec: Mapping[str, Any], current: int) -> Decision:
    """Decide about a scale.

    Args:
        spec: The specification of the autoscaler, with its defaults.
        current: The target's number of replicas.
    """
    smallest, largest = spec.get("minReplicas", 1), spec["maxReplicas"]
    if current == 0 and smallest != 0:
        text = "scaling is disabled since the replica count of the target is zero"
        return Decision(conditions=(_GOT_SCALE, Condition(_ACTIVE, "False", "ScalingDisabled", text)))
    if current > largest:
        return _rescaled(largest, "Current number of replicas above Spec.MaxReplicas")
    if current < smallest:
        return _rescaled(smallest, "Current number of replicas below Spec.MinReplicas")
    return _without_metrics(spec.get("metrics") or ())


def without_scale(why: str) -> Decision:
    """Return the decision about a target whose scale cannot be read."""
    text = f"the HPA controller was unable to get the target's current scale: {why}"
    return Decision(
        conditions=(Condition(_ABLE, "False", "FailedGetScale", text),),
        warnings=(Warned("FailedGetScale", why),),
        computed=False,
    )


def status_after(autoscaler: Object, decision: Decision, current: int | None, now: str) -> Object:
    """Return the status of an autoscaler after a sync; conditions keep the time of their last transition.

    Args:
        autoscaler: The object before the sync.
        decision: The outcome.
        current: The target's number of replicas before the sync; None if it could not be read.
        now: The current time, as a ``Time``.
    """
    before = autoscaler.get("status") or {}
    status = {**before, "conditions": _conditions(autoscaler, decision, now)}
    if current is not None:
        status["currentReplicas"] = current
        wanted = current if decision.replicas is None else decision.replicas
        status["desiredReplicas"] = wanted if decision.computed else before.get("desiredReplicas", 0)
    if decision.replicas is not None:
        status["lastScaleTime"] = now
    return status


def _rescaled(replicas: int, reason: str) -> Decision:
    text = f"the HPA controller was able to update the target scale to {replicas}"
    return Decision(replicas, reason, (Condition(_ABLE, "True", "SucceededRescale", text),))


def _without_metrics(metrics: Any) -> Decision:
    """Return the decision about a scale within its bounds: no metric can be read, so the scale stays."""
    failed = [_failure(metric) for metric in metrics]
    if not failed:
        return Decision(conditions=(_GOT_SCALE,), computed=False)
    first, wrapped = failed[0]
    text = f"the HPA was unable to compute the replica count: {first.message}"
    count = len(failed)
    summary = f"invalid metrics ({count} invalid out of {count}), first error is: {wrapped}"
    return Decision(
        conditions=(_GOT_SCALE, Condition(_ACTIVE, "False", first.reason, text)),
        warnings=(*(warned for warned, _ in failed), Warned("FailedComputeMetricsReplicas", summary)),
        computed=False,
    )


def _failure(metric: Mapping[str, Any]) -> tuple[Warned, str]:
    """Return the Event about a metric that cannot be read, and its text in the summary of all metrics."""
    kind = str(metric.get("type"))
    source = metric.get(kind[:1].lower() + kind[1:]) or {}
    name = str(source.get("name") or (source.get("metric") or {}).get("name"))
    how = "utilization" if (source.get("target") or {}).get("type") == "Utilization" else "usage"
    if kind in {"Resource", "ContainerResource"}:
        text = f"failed to get {name} {how}: unable to get metrics for resource {name}: {_NO_RESOURCE_METRICS}"
        what = f"{name} resource metric value" if kind == "Resource" else f"{name} container metric value"
    else:
        text = f"unable to get metric {name}: {_NO_CUSTOM_METRICS}"
        what = f"{kind.lower()} metric value"
    return Warned(f"FailedGet{kind}Metric", text), f"failed to get {what}: {text}"


def _conditions(autoscaler: Object, decision: Decision, now: str) -> list[Object]:
    """Return the conditions of an autoscaler after a sync, in the order in which they were first written."""
    entries: list[Object] = list((autoscaler.get("status") or {}).get("conditions") or [])
    for each in decision.conditions:
        old = condition({"status": {"conditions": entries}}, each.kind)
        same = old is not None and old["status"] == each.status
        entry = {
            "type": each.kind,
            "status": each.status,
            "reason": each.reason,
            "message": each.message,
            "lastTransitionTime": old["lastTransitionTime"] if old is not None and same else now,
        }
        if old is None:
            entries = with_condition({"status": {"conditions": entries}}, entry)
        else:
            entries = [entry if kept is old else kept for kept in entries]
    return entries
