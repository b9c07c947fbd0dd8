"""When a Deployment's rollout is over: what ``kubectl rollout status`` looks at, as a pure function and as a wait."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from harness.kit.waiting import wait_until
from harness.kube.api import KubeApi, Object
from harness.kube.blockers import Blocker, BlockerWatch, blockers
from harness.kube.errors import RolloutStuckError

#: Seconds between two looks at the pods of a rollout that is going on.
_LOOK_SECONDS = 1.0


class Rollout(StrEnum):
    """How far a rollout is."""

    COMPLETE = "complete"
    PROGRESSING = "progressing"
    DEADLINE_EXCEEDED = "deadline-exceeded"


@dataclass(frozen=True, slots=True)
class RolloutStatus:
    """How far a rollout is, and what it waits for (empty when complete)."""

    state: Rollout
    missing: str = ""


def rollout_status(deployment: Mapping[str, Any]) -> RolloutStatus:
    """Judge a Deployment as ``kubectl rollout status`` does.

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


def rollout_state(deployment: Mapping[str, Any]) -> Rollout:
    """How far a Deployment's rollout is."""
    return rollout_status(deployment).state


def _missing(*, wanted: int, updated: int, total: int, available: int) -> str:
    if updated < wanted:
        return f"{updated} of {wanted} new replicas have been made"
    if total > updated:
        return f"{total - updated} old replicas are still there"
    if available < updated:
        return f"{available} of {updated} new replicas are available"
    return ""


def _progressing_reason(status: Mapping[str, Any]) -> str:
    reasons = [c.get("reason", "") for c in status.get("conditions", ()) if c.get("type") == "Progressing"]
    return str(reasons[0]) if reasons else ""


def wait_rollout(kube: KubeApi, deployment: str, namespace: str, timeout: float) -> Object:
    """Wait until a Deployment's rollout is complete, or cannot become so.

    Args:
        kube: The API server.
        deployment: Its name.
        namespace: Where it is.
        timeout: Seconds.

    Returns:
        The Deployment as it was when complete.

    Raises:
        RolloutStuckError: It exceeded its own progress deadline, or its pods cannot become ready; says why.
        WaitTimeoutError: It was still going on; says what it waited for.
    """
    seen, watch, next_look = "", BlockerWatch(), 0.0

    def complete() -> Object | None:
        nonlocal seen, next_look
        found = kube.get("Deployment", deployment, namespace)
        status = rollout_status(found)
        seen = status.missing
        if status.state is Rollout.DEADLINE_EXCEEDED:
            raise RolloutStuckError(
                f"Deployment {deployment} in namespace {namespace} exceeded its progress deadline.",
                hint=f"See why its pods do not become ready: kubectl -n {namespace} describe pods",
            )
        now = time.monotonic()
        if status.state is not Rollout.COMPLETE and now >= next_look:
            next_look = now + _LOOK_SECONDS
            if reason := watch.look(_blockers(kube, found, namespace), now):
                raise RolloutStuckError(f"Deployment {deployment} cannot become ready: {reason}")
        return found if status.state is Rollout.COMPLETE else None

    return wait_until(
        complete, timeout=timeout, interval=0.05, what=lambda: f"Deployment {deployment} to roll out ({seen})"
    )


def _blockers(kube: KubeApi, deployment: Object, namespace: str) -> list[Blocker]:
    """Return what keeps the pods of a Deployment from becoming ready; those of its older ReplicaSets do not count."""
    uid = deployment["metadata"].get("uid")
    owned = [each for each in kube.list("ReplicaSet", namespace) if _is_owned(each, uid)]
    newest = max(owned, key=_revision, default=None)
    if newest is None:
        return blockers([], [deployment])
    pods = [each for each in kube.list("Pod", namespace) if _is_owned(each, newest["metadata"].get("uid"))]
    return blockers(pods, [deployment])


def _is_owned(obj: Object, uid: str | None) -> bool:
    return uid is not None and any(each.get("uid") == uid for each in obj["metadata"].get("ownerReferences") or ())


def _revision(replicaset: Object) -> int:
    annotations = replicaset["metadata"].get("annotations") or {}
    return int(annotations.get("deployment.kubernetes.io/revision") or 0)
