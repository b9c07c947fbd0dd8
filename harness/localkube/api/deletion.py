"""Delete objects: pods with grace periods, finalizers, cascades, and namespaces that are emptied first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from harness.localkube.api import errors
from harness.localkube.api.registry import Registry, deletion_blocked
from harness.localkube.api.requests import DeleteOptions, RequestInfo
from harness.localkube.machinery.objects import Object, is_deleting, parse_timestamp, timestamp
from harness.localkube.machinery.resources import NAMESPACES, PODS

#: Finalizers that the garbage collector acts on.
_CASCADES = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}
_KEPT_NAMESPACES = frozenset({"default", "kube-system"})


def delete(registry: Registry, target: RequestInfo, options: DeleteOptions) -> tuple[Object, bool]:
    """Delete an object, or mark it for deletion.

    Returns:
        The object in its current or last state, and True if it is gone.

    Raises:
        StatusError: 404; 409 if a precondition fails; 403 for a namespace that cannot be deleted.
    """
    live = registry.read(target)
    _check(target, live, options)
    grace = _grace(live, options) if target.resource is PODS else 0
    marked = _marked(live, grace, options)
    if options.dry_run:
        return marked, not deletion_blocked(marked)
    if not deletion_blocked(marked):
        return registry.storage.remove(target.resource, target.key, marked), True
    if marked == live:
        return live, False
    return registry.storage.put(target.resource, target.key, marked), False


def _check(target: RequestInfo, live: Object, options: DeleteOptions) -> None:
    metadata = live["metadata"]
    for what, given, actual, ending in (
        ("UID", options.uid, metadata["uid"], "deleted and then recreated"),
        ("ResourceVersion", options.version, metadata["resourceVersion"], "modified"),
    ):
        if given is not None and given != actual:
            why = f"the {what} in the precondition ({given}) does not match the {what} in record ({actual})."
            raise errors.conflict(target.resource, target.name, f"{why} The object might have been {ending}", own=True)
    if target.resource is NAMESPACES and target.name in _KEPT_NAMESPACES:
        raise errors.forbidden(NAMESPACES, target.name, "this namespace may not be deleted")


def _grace(pod: Object, options: DeleteOptions) -> int:
    """Return the pod's grace period in seconds: 0 if it was never scheduled or has ended."""
    if not pod["spec"].get("nodeName") or pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}:
        return 0
    asked = options.grace_seconds
    grace = int(pod["spec"]["terminationGracePeriodSeconds"]) if asked is None else asked
    return 1 if grace < 0 else grace


def _marked(live: Object, grace: int, options: DeleteOptions) -> Object:
    """Return the object marked for deletion; unchanged if it is marked already and the grace period is not shorter."""
    metadata = dict(live["metadata"])
    running = int(metadata.get("deletionGracePeriodSeconds") or 0)
    if not is_deleting(live):
        due = datetime.now(UTC) + timedelta(seconds=grace)
        _begin(metadata, options)
    elif grace < running:
        due = parse_timestamp(metadata["deletionTimestamp"]) - timedelta(seconds=running - grace)
    else:
        return live
    metadata |= {"deletionTimestamp": timestamp(due), "deletionGracePeriodSeconds": grace}
    if "generation" in metadata:
        metadata["generation"] += 1
    marked = {**live, "metadata": metadata}
    if live["kind"] == "Namespace":
        marked["status"] = {**live.get("status", {}), "phase": "Terminating"}
    return marked


def _begin(metadata: Object, options: DeleteOptions) -> None:
    finalizers = [name for name in metadata.get("finalizers") or [] if name not in _CASCADES.values()]
    if options.propagation in _CASCADES:
        finalizers.append(_CASCADES[options.propagation])
    elif options.propagation not in {None, "Background"}:
        raise errors.bad_request(f"propagationPolicy: unsupported value: {options.propagation!r}")
    metadata.pop("finalizers", None)
    if finalizers:
        metadata["finalizers"] = finalizers
