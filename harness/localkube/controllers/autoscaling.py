"""Decide what a HorizontalPodAutoscaler does on a cluster without metrics: it only keeps a scale within its bounds.

Source: ``reconcileAutoscaler`` in k8s.io/kubernetes/pkg/controller/podautoscaler/horizontal.go, with the error of a
cluster that has no metrics-server, as a new kind cluster has none. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.localkube.machinery.objects import Object, condition, with_condition

_ABLE, _ACTIVE = "AbleToScale", "ScalingActive"
_NO_RESOURCE_METRICS = (
    "unable to fetch metrics from resource metrics API: the server could not find the requested resource "
    "(get pods.metrics.k8s.io)"
)
_NO_CUSTOM_METRICS = (
    "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
)
_NO_EXTERNAL_METRICS = (
    "unable to fetch metrics from external metrics API: the server could not find the requested resource "
    "(get {name}.external.metrics.k8s.io)"
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
        unread: Number of metrics that could not be read.
    """

    replicas: int | None = None
    reason: str = ""
    conditions: tuple[Condition, ...] = ()
    warnings: tuple[Warned, ...] = ()
    computed: bool = True
    unread: int = 0


_GOT_SCALE = Condition(
    _ABLE, "True", "SucceededGetScale", "the HPA controller was able to get the target's current scale"
)


def decide(spec: Mapping[str, Any], current: int, namespace: str) -> Decision:
    """Decide about a scale.

    Args:
        spec: The specification of the autoscaler, with its defaults.
        current: The target's number of replicas.
        namespace: Their namespace.
    """
    smallest, largest = spec.get("minReplicas", 1), spec["maxReplicas"]
    if current == 0 and smallest != 0:
        text = "scaling is disabled since the replica count of the target is zero"
        return Decision(conditions=(_GOT_SCALE, Condition(_ACTIVE, "False", "ScalingDisabled", text)))
    if current > largest:
        return _rescaled(largest, "Current number of replicas above Spec.MaxReplicas")
    if current < smallest:
        return _rescaled(smallest, "Current number of replicas below Spec.MinReplicas")
    return _without_metrics(spec.get("metrics") or (), namespace)


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
        status.pop("currentMetrics", None)
        status.pop("currentReplicas", None)
        # A real controller leaves a zero out, and gives each metric that it could not read an empty entry.
        status |= {"currentReplicas": current} if current else {}
        status |= {"currentMetrics": [{"type": ""}] * decision.unread} if decision.unread else {}
        wanted = current if decision.replicas is None else decision.replicas
        status["desiredReplicas"] = wanted if decision.computed else before.get("desiredReplicas", 0)
    if decision.replicas is not None:
        status["lastScaleTime"] = now
    return status


def _rescaled(replicas: int, reason: str) -> Decision:
    text = f"the HPA controller was able to update the target scale to {replicas}"
    return Decision(replicas, reason, (Condition(_ABLE, "True", "SucceededRescale", text),))


def _without_metrics(metrics: Sequence[Mapping[str, Any]], namespace: str) -> Decision:
    """Return the decision about a scale within its bounds: no metric can be read, so the scale stays."""
    failed = [_failure(metric, namespace) for metric in metrics]
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
        unread=count,
    )


def _failure(metric: Mapping[str, Any], namespace: str) -> tuple[Warned, str]:
    """Return the Event about a metric that cannot be read, and its text in the summary of all metrics."""
    kind = str(metric.get("type"))
    source = metric.get(kind[:1].lower() + kind[1:]) or {}
    text, summary = _texts(kind, source, namespace)
    return Warned(f"FailedGet{kind}Metric", text), f"failed to get {summary}"


def _texts(kind: str, source: Mapping[str, Any], namespace: str) -> tuple[str, str]:
    """Return the text about a source of metrics, and the end of its sentence in the summary."""
    how, name = (source.get("target") or {}).get("type"), str((source.get("metric") or source).get("name"))
    if kind in {"Resource", "ContainerResource"}:
        unit = "utilization" if how == "Utilization" else "usage"
        text = f"failed to get {name} {unit}: unable to get metrics for resource {name}: {_NO_RESOURCE_METRICS}"
        what = f"{name} resource" if kind == "Resource" else f"{source.get('container')} container"
        return text, f"{what} metric value: {text}"
    if kind == "External":
        where = f"{namespace}/{name}/{_go_text((source.get('metric') or {}).get('selector'))}"
        text = f"unable to get external metric {where}: {_NO_EXTERNAL_METRICS.format(name=name)}"
        what = f"{name} external metric" if how == "AverageValue" else f"external metric {name}"
        return text, f"{name} external metric value: failed to get {what}: {text}"
    described = source.get("describedObject") or {}
    place = f"{described.get('kind')} on {namespace} {described.get('name')}/" if kind == "Object" else ""
    text = f"unable to get metric {name}: {place}{_NO_CUSTOM_METRICS}"
    detail = f"failed to get {name} object metric: " if kind == "Object" and how == "AverageValue" else ""
    return text, f"{kind.lower()} metric value: {detail}{text}"


def _go_text(selector: Mapping[str, Any] | None) -> str:
    """Return a selector of labels as Go prints it."""
    if selector is None:
        return "nil"
    labels = "".join(f"{name}: {value}," for name, value in sorted((selector.get("matchLabels") or {}).items()))
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{}},}}"
    )


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
