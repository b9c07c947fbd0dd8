"""Compute a Deployment's status and conditions, which ``kubectl rollout status`` and the harness wait for. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from harness.localkube.controllers.rollout import Bounds
from harness.localkube.machinery.objects import Object, condition, parse_timestamp, timestamp

_COMPLETE = "NewReplicaSetAvailable"
_EXCEEDED = "ProgressDeadlineExceeded"
_PAUSED = "DeploymentPaused"
_RESUMED = "DeploymentResumed"
#: Seconds to add to a deadline: condition times are rounded down to whole seconds.
_ROUNDING = 1.0
_MARGIN = 0.01


def deployment_status(
    deployment: Object, new: Object | None, olds: Sequence[Object], bounds: Bounds, now: datetime
) -> dict[str, Any]:
    """Return the complete status of a Deployment.

    Args:
        deployment: The Deployment with its previous status.
        new: The ReplicaSet of the current template, or None if there is none yet.
        olds: Its other ReplicaSets.
        bounds: The bounds of its rollout.
        now: Current time, for the progress deadline.
    """
    all_sets = [*olds, *([new] if new else [])]
    counts = _counts(new, all_sets)
    conditions = [_available(deployment, counts, bounds)]
    progressing = _progressing(deployment, new, counts, bounds, now)
    if progressing is not None:
        conditions.append(progressing)
    conditions += _rejected([*([new] if new else []), *olds])
    return {**counts, "observedGeneration": deployment["metadata"].get("generation", 0), "conditions": conditions}


def was_resumed(deployment: Object) -> bool:
    """Return True if the condition still says that a Deployment is paused, and its spec no longer does."""
    entry = condition(deployment, "Progressing")
    return entry is not None and entry["reason"] == _PAUSED and not deployment["spec"].get("paused")


def is_resumed(deployment: Object) -> bool:
    """Return True if the condition says that a Deployment was resumed, and has not changed since."""
    return (condition(deployment, "Progressing") or {}).get("reason") == _RESUMED


def with_resumed(deployment: Object) -> list[Object]:
    """Return the conditions, with one that says that the Deployment was resumed."""
    now = timestamp(datetime.now(UTC))
    entry = _entry(deployment, "Progressing", "Unknown", _RESUMED, "Deployment is resumed", updated=now)
    return _replaced(deployment, entry)


def _replaced(deployment: Object, entry: Object) -> list[Object]:
    others = (deployment.get("status") or {}).get("conditions") or []
    return [entry, *(each for each in others if each["type"] != entry["type"])]


def with_created(deployment: Object, replica_set: Object) -> list[Object]:
    """Return the conditions, with one that says that a ReplicaSet was created."""
    text = f'Created new replica set "{replica_set["metadata"]["name"]}"'
    now = timestamp(datetime.now(UTC))
    created = _entry(deployment, "Progressing", "True", "NewReplicaSetCreated", text, updated=now)
    return _replaced(deployment, created)


def seconds_to_deadline(deployment: Object, status: Mapping[str, Any], now: datetime) -> float | None:
    """Return the seconds until an unfinished rollout exceeds its deadline; None if no deadline applies."""
    entry = condition({"status": status}, "Progressing")
    deadline = deployment["spec"].get("progressDeadlineSeconds")
    if deadline is None or entry is None or entry["reason"] in {_COMPLETE, _EXCEEDED, _PAUSED}:
        return None
    since = (now - parse_timestamp(entry["lastUpdateTime"])).total_seconds()
    return max(0.0, float(deadline) + _ROUNDING - since) + _MARGIN


def _counts(new: Object | None, all_sets: Sequence[Object]) -> dict[str, int]:
    def total(name: str, sets: Sequence[Object]) -> int:
        return sum((each.get("status") or {}).get(name, 0) for each in sets)

    available = total("availableReplicas", all_sets)
    desired = sum(each["spec"].get("replicas") or 0 for each in all_sets)
    return {
        "replicas": total("replicas", all_sets),
        "updatedReplicas": total("replicas", [new]) if new else 0,
        "readyReplicas": total("readyReplicas", all_sets),
        "availableReplicas": available,
        "unavailableReplicas": max(0, desired - available),
    }


def _available(deployment: Object, counts: Mapping[str, int], bounds: Bounds) -> Object:
    enough = counts["availableReplicas"] >= bounds.fewest
    what = "has" if enough else "does not have"
    reason = "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable"
    return _entry(
        deployment, "Available", "True" if enough else "False", reason, f"Deployment {what} minimum availability."
    )


def _rejected(sets: Sequence[Object]) -> list[Object]:
    """Return the condition of the first ReplicaSet whose pods the API server rejects, in a list; empty for none."""
    for each in sets:
        if (found := condition(each, "ReplicaFailure")) is not None:
            return [{**found, "lastUpdateTime": found["lastTransitionTime"]}]
    return []


def _progressing(
    deployment: Object, new: Object | None, counts: Mapping[str, int], bounds: Bounds, now: datetime
) -> Object | None:
    before = condition(deployment, "Progressing")
    if deployment["spec"].get("progressDeadlineSeconds") is None:
        return None
    name = f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{deployment["metadata"]["name"]}"'
    old = deployment.get("status") or {}
    complete = counts["updatedReplicas"] == counts["replicas"] == counts["availableReplicas"] == bounds.replicas
    unchanged = counts["updatedReplicas"] == counts["replicas"] and before is not None and before["reason"] == _COMPLETE
    if deployment["spec"].get("paused"):
        return _entry(deployment, "Progressing", "Unknown", _PAUSED, "Deployment is paused")
    if complete and not unchanged:
        return _entry(deployment, "Progressing", "True", _COMPLETE, f"{name} has successfully progressed.")
    if before is None or (not unchanged and _moved(old, counts)):
        return _entry(
            deployment, "Progressing", "True", "ReplicaSetUpdated", f"{name} is progressing.", updated=timestamp(now)
        )
    if _timed_out(deployment, before, now):
        return _entry(deployment, "Progressing", "False", _EXCEEDED, f"{name} has timed out progressing.")
    # A complete rollout stays complete, even if its pods fail later.
    return before


def _moved(old: Mapping[str, Any], counts: Mapping[str, int]) -> bool:
    """Return True on progress: more updated, ready or available pods than before, or fewer old ones."""
    more = any(counts[n] > old.get(n, 0) for n in ("updatedReplicas", "readyReplicas", "availableReplicas"))
    olds_before = old.get("replicas", 0) - old.get("updatedReplicas", 0)
    return more or counts["replicas"] - counts["updatedReplicas"] < olds_before


def _timed_out(deployment: Object, before: Object, now: datetime) -> bool:
    if before["reason"] in {_COMPLETE, _EXCEEDED}:
        return bool(before["reason"] == _EXCEEDED)
    since = (now - parse_timestamp(before["lastUpdateTime"])).total_seconds()
    return bool(since >= deployment["spec"]["progressDeadlineSeconds"] + _ROUNDING)


def _entry(
    deployment: Object, kind: str, status: str, reason: str, message: str, *, updated: str | None = None
) -> Object:
    """Build a condition; keep its previous times if nothing changed."""
    before = condition(deployment, kind)
    now = updated or timestamp(datetime.now(UTC))
    same_status = before is not None and before["status"] == status
    same = same_status and before is not None and before["reason"] == reason and updated is None
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastUpdateTime": before["lastUpdateTime"] if before and same else now,
        "lastTransitionTime": before["lastTransitionTime"] if before and same_status else now,
    }
