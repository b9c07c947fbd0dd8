"""Decides whether a rollout is complete, by the rules of ``kubectl rollout status``, and waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from harness.kit.waiting import wait_until
from harness.kube.api import KubeApi, Object
from harness.kube.blockers import Blocker, BlockerWatch, blockers
from harness.kube.errors import RolloutStuckError

#: Seconds between two requests for the pods of a rollout under way.
_PODS_INTERVAL = 1.0


class Rollout(StrEnum):
    """The state of a rollout."""

    COMPLETE = "complete"
    PROGRESSING = "progressing"
    DEADLINE_EXCEEDED = "deadline-exceeded"


@dataclass(frozen=True, slots=True)
class RolloutStatus:
    """The state of a rollout, and the condition that is missing (empty when complete)."""

    state: Rollout
    missing: str = ""


def rollout_status(deployment: Mapping[str, Any]) -> RolloutStatus:
    """Return the status of a Deployment's rollout, by the rules of ``kubectl rollout status``.

    Source: ``DeploymentStatusViewer.Status`` in k8s.io/kubectl/pkg/polymorphichelpers/rollout_status.go.
    """
    spec, status = deployment.get("spec", {}), deployment.get("status", {})
    if deployment["metadata"].get("generation", 0) > status.get("observedGeneration", 0):
        return RolloutStatus(Rollout.PROGRESSING, "the Deployment controller has not seen the new spec")
    if _progressing_reason(status) == "ProgressDeadlineExceeded":
        return RolloutStatus(Rollout.DEADLINE_EXCEEDED, "it exceeded its progress deadline")
    missing = _missing(
        wanted=spec.get("replicas", 1),
        updated=status.get("updatedReplicas", 0),
        total=status.get("replicas", 0),
        available=status.get("availableReplicas", 0),
    )
    return RolloutStatus(Rollout.PROGRESSING if missing else Rollout.COMPLETE, missing)


def stateful_set_status(obj: Mapping[str, Any]) -> RolloutStatus:
    """Return the status of a StatefulSet's rollout, by the rules of ``kubectl rollout status``.

    A server that sets no generation runs no pods for this kind, so the rollout counts as complete.
    """
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if (undecided := _undecided(obj["metadata"], status)) is not None:
        return undecided
    wanted = spec.get("replicas", 1)
    rolling = (spec.get("updateStrategy") or {}).get("rollingUpdate") or {}
    new = wanted - (rolling.get("partition") or 0)
    ready, updated = status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    if ready < wanted:
        return RolloutStatus(Rollout.PROGRESSING, f"{ready} of {wanted} replicas are ready")
    if _is_rolling(spec) and updated < new:
        return RolloutStatus(Rollout.PROGRESSING, f"{updated} of {new} replicas are new")
    newest, reached = status.get("updateRevision"), status.get("currentRevision")
    if _is_rolling(spec) and new == wanted and newest != reached:
        return RolloutStatus(Rollout.PROGRESSING, f"revision {newest} has not replaced {reached} yet")
    return RolloutStatus(Rollout.COMPLETE)


def daemon_set_status(obj: Mapping[str, Any]) -> RolloutStatus:
    """Return the status of a DaemonSet's rollout, by the rules of ``kubectl rollout status``.

    A server that sets no generation runs no pods for this kind, so the rollout counts as complete.
    """
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if (undecided := _undecided(obj["metadata"], status)) is not None:
        return undecided
    wanted = status.get("desiredNumberScheduled", 0)
    updated, available = status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
    if _is_rolling(spec) and updated < wanted:
        return RolloutStatus(Rollout.PROGRESSING, f"{updated} of {wanted} pods are new")
    if available < wanted:
        return RolloutStatus(Rollout.PROGRESSING, f"{available} of {wanted} pods are available")
    return RolloutStatus(Rollout.COMPLETE)


def _undecided(metadata: Mapping[str, Any], status: Mapping[str, Any]) -> RolloutStatus | None:
    """Return the status of a rollout that does not depend on counts of pods; None if the counts decide."""
    generation = metadata.get("generation", 0)
    if not generation:
        return RolloutStatus(Rollout.COMPLETE)
    if generation > status.get("observedGeneration", 0):
        return RolloutStatus(Rollout.PROGRESSING, "its controller has not seen the new spec")
    return None


def _is_rolling(spec: Mapping[str, Any]) -> bool:
    """Return True if the controller replaces old pods by itself."""
    strategy: Mapping[str, Any] = spec.get("updateStrategy") or {}
    return str(strategy.get("type", "RollingUpdate")) == "RollingUpdate"


#: The status of a rollout, by the kind of its object.
STATUS_OF: Mapping[str, Callable[[Mapping[str, Any]], RolloutStatus]] = {
    "Deployment": rollout_status,
    "StatefulSet": stateful_set_status,
    "DaemonSet": daemon_set_status,
}


def rollout_state(deployment: Mapping[str, Any]) -> Rollout:
    """Return the state of a Deployment's rollout."""
    return rollout_status(deployment).state


def _missing(*, wanted: int, updated: int, total: int, available: int) -> str:
    if updated < wanted:
        return f"{updated} of {wanted} new replicas have been created"
    if total > updated:
        return f"{total - updated} old replicas still exist"
    if available < updated:
        return f"{available} of {updated} new replicas are available"
    return ""


def _progressing_reason(status: Mapping[str, Any]) -> str:
    reasons = [c.get("reason", "") for c in status.get("conditions", ()) if c.get("type") == "Progressing"]
    return str(reasons[0]) if reasons else ""


def wait_rollout(kube: KubeApi, name: str, namespace: str, timeout: float, *, kind: str = "Deployment") -> Object:
    """Wait until a rollout is complete, or cannot become so.

    Args:
        kube: The API server.
        name: Name of the object.
        namespace: Its namespace.
        timeout: Timeout in seconds.
        kind: ``Deployment``, ``StatefulSet`` or ``DaemonSet``.

    Returns:
        The object after its rollout.

    Raises:
        RolloutStuckError: The rollout exceeded the Deployment's progress deadline, or its pods can't become ready. The
            message has the reason.
        WaitTimeoutError: The rollout was still under way; the message says what was missing.
    """
    seen, watch, next_request = "", BlockerWatch(), 0.0

    def complete() -> Object | None:
        nonlocal seen, next_request
        found = kube.get(kind, name, namespace)
        status = STATUS_OF[kind](found)
        seen = status.missing
        if status.state is Rollout.DEADLINE_EXCEEDED:
            raise RolloutStuckError(
                f"{kind} {name} in namespace {namespace} exceeded its progress deadline.",
                hint=f"See why its pods do not become ready: kubectl -n {namespace} describe pods",
            )
        now = time.monotonic()
        if status.state is not Rollout.COMPLETE and now >= next_request:
            next_request = now + _PODS_INTERVAL
            if reason := watch.observe(_blockers(kube, found, kind, namespace), now):
                raise RolloutStuckError(f"{kind} {name} cannot become ready: {reason}")
        return found if status.state is Rollout.COMPLETE else None

    return wait_until(complete, timeout=timeout, interval=0.05, what=lambda: f"{kind} {name} to roll out ({seen})")


def _blockers(kube: KubeApi, target: Object, kind: str, namespace: str) -> list[Blocker]:
    """Return the reasons that keep pods from becoming ready. Pods of a Deployment's older ReplicaSets do not count."""
    uid = target["metadata"].get("uid")
    if kind != "Deployment":
        pods = [each for each in kube.list("Pod", namespace) if _is_owned(each, uid)]
        return blockers(pods, [target])
    owned = [each for each in kube.list("ReplicaSet", namespace) if _is_owned(each, uid)]
    newest = max(owned, key=_revision, default=None)
    if newest is None:
        return blockers([], [target])
    pods = [each for each in kube.list("Pod", namespace) if _is_owned(each, newest["metadata"].get("uid"))]
    return blockers(pods, [target])


def _is_owned(obj: Object, uid: str | None) -> bool:
    return uid is not None and any(each.get("uid") == uid for each in obj["metadata"].get("ownerReferences") or ())


def _revision(replicaset: Object) -> int:
    annotations = replicaset["metadata"].get("annotations") or {}
    return int(annotations.get("deployment.kubernetes.io/revision") or 0)
