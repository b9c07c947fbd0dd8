"""Decide whether an object that this cluster stores and does not execute would affect requests on a real cluster.

Every function returns True if the object has no effect. ``objects`` are all objects of the workload: an effect that
another object causes is found only if that object is among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.kube.pods import labels_of, pod_of
from harness.kube.selectors import selected_by
from harness.localkube.kubelet.scheduling import startable
from harness.localkube.policies import RUN_KINDS

_Objects = Sequence[Mapping[str, Any]]
#: What a quota may limit without an effect on pods: objects that no rollout and no deletion of a pod creates.
_WITHOUT_PODS = frozenset(
    {
        "configmaps",
        "persistentvolumeclaims",
        "replicationcontrollers",
        "requests.storage",
        "resourcequotas",
        "secrets",
        "services",
        "services.loadbalancers",
        "services.nodeports",
    }
)
#: Objects that every rollout creates, counted under their own names.
_COUNTED = frozenset({"count/pods", "count/replicasets.apps"})
_DEFAULTS = frozenset({"type", "default", "defaultRequest"})
_ONE_POD = "ReadWriteOncePod"


def limits_no_pods(quota: Mapping[str, Any]) -> bool:
    """Return True if the specification of a ResourceQuota never keeps a pod or ReplicaSet from being created."""
    return all(
        name in _WITHOUT_PODS
        or ".storageclass.storage.k8s.io/" in name
        or (name.startswith("count/") and name not in _COUNTED)
        for name in quota.get("hard") or {}
    )


def only_sets_defaults(limits: Mapping[str, Any]) -> bool:
    """Return True if the specification of a LimitRange rejects no pod, and gives none too few or too many resources."""
    of_pods = [each for each in limits.get("limits") or () if each.get("type") != "PersistentVolumeClaim"]
    return all(
        set(each) <= _DEFAULTS and startable(each.get("default")) and startable(each.get("defaultRequest"))
        for each in of_pods
    )


def gets_no_requests(pod: Mapping[str, Any] | None, objects: _Objects) -> bool:
    """Return True if no Service sends requests both to the pods of a template and to pods that this cluster runs."""
    if not isinstance(pod, Mapping):
        return True
    running = [
        labels_of(found) for each in objects if each.get("kind") in RUN_KINDS and (found := pod_of(each)) is not None
    ]
    return not any(
        selected_by(selector, labels_of(pod)) and any(selected_by(selector, labels) for labels in running)
        for selector in _selectors(objects)
    )


def takes_many_pods(claim: Mapping[str, Any], objects: _Objects) -> bool:
    """Return True if a PersistentVolumeClaim never makes one pod of this cluster wait for the end of another."""
    name = str((claim.get("metadata") or {}).get("name"))
    modes = (claim.get("spec") or {}).get("accessModes") or ()
    return _ONE_POD not in modes or not any(name in _claims(each) for each in objects if each.get("kind") in RUN_KINDS)


def _selectors(objects: _Objects) -> Iterator[Mapping[str, str]]:
    """Yield the selectors of Services."""
    for each in objects:
        spec = each.get("spec") if each.get("kind") == "Service" else None
        if isinstance(spec, Mapping) and isinstance(spec.get("selector"), Mapping):
            yield spec["selector"]


def _claims(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the claims that the pods of an object mount."""
    volumes = ((pod_of(manifest) or {}).get("spec") or {}).get("volumes")
    for volume in volumes if isinstance(volumes, list) else ():
        claim = volume.get("persistentVolumeClaim") if isinstance(volume, Mapping) else None
        if isinstance(claim, Mapping):
            yield str(claim.get("claimName"))
