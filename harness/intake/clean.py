"""Remove from a dump what the API server wrote, and leave out what a trial cannot use; each with a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

from harness.kube.manifests import name_of
from harness.kube.schema import KINDS

Object = dict[str, Any]

_METADATA = (
    "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
    "managedFields", "selfLink", "ownerReferences", "namespace",
)  # fmt: skip
_ANNOTATIONS = ("kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision")
_SERVICE = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort")
#: Kinds that controllers make of others.
_MADE = frozenset({"Pod", "ReplicaSet", "EndpointSlice", "Endpoints", "ControllerRevision"})
#: Kinds of the cluster, or of what happened on it.
_NOT_APPLIED = frozenset({"Event", "Lease", "Node", "Namespace", "PersistentVolume"})
#: Versions of the API under which the same object is known.
_SAME = {
    ("extensions/v1beta1", "Deployment"): "apps/v1",
    ("apps/v1beta1", "Deployment"): "apps/v1",
    ("apps/v1beta2", "Deployment"): "apps/v1",
}
_OWN_NAMES = frozenset({("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default"), ("Service", "kubernetes")})


def clean(objects: Iterable[Object]) -> tuple[list[Object], list[str]]:
    """Return the objects that a trial applies, and a sentence for each that is left out.

    Server fields are removed: status, uid, addresses, and the namespace, since each trial has a namespace of its own.
    """
    kept, notices, seen = [], [], set()
    for written in objects:
        reason = _reason_to_leave_out(written)
        title = f"{written.get('kind')} {name_of(written)}".strip()
        if not reason and title in seen:
            reason = "it is there twice"
        if reason:
            notices.append(f"{title} is left out: {reason}")
            continue
        seen.add(title)
        kept.append(_without_server_fields(written))
    return kept, notices


def _reason_to_leave_out(obj: Object) -> str:
    kind, version = str(obj.get("kind")), str(obj.get("apiVersion"))
    metadata = obj.get("metadata")
    owners = metadata.get("ownerReferences") if isinstance(metadata, Mapping) else None
    if kind in _MADE and owners:
        return f"{owners[0].get('kind')} {owners[0].get('name')} makes it"
    if kind in {"EndpointSlice", "Endpoints"}:
        return "the cluster makes it from the Service"
    if kind in _NOT_APPLIED:
        return "it is not part of a namespace that a trial makes"
    if (kind, name_of(obj)) in _OWN_NAMES:
        return "every namespace has one"
    if (version, kind) not in KINDS and (version, kind) not in _SAME:
        return f"{version} is not an API of the embedded cluster"
    return ""


def _without_server_fields(written: Object) -> Object:
    obj = deepcopy(written)
    obj.pop("status", None)
    obj["apiVersion"] = _SAME.get((str(obj.get("apiVersion")), str(obj.get("kind"))), obj.get("apiVersion"))
    _clean_metadata(obj)
    spec = obj.get("spec")
    if isinstance(spec, dict):
        if obj.get("kind") == "Service":
            _clean_service(spec)
        if isinstance(spec.get("template"), dict):
            _clean_metadata(spec["template"])
    return obj


def _clean_metadata(obj: Object) -> None:
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict):
        return
    for name in _METADATA:
        metadata.pop(name, None)
    annotations = metadata.get("annotations")
    if isinstance(annotations, dict):
        for name in _ANNOTATIONS:
            annotations.pop(name, None)
        if not annotations:
            del metadata["annotations"]


def _clean_service(spec: Object) -> None:
    """Remove the addresses and ports that the API server has given to a Service."""
    if spec.get("clusterIP") == "None":
        return
    for name in _SERVICE:
        spec.pop(name, None)
    for port in spec.get("ports") or ():
        if isinstance(port, dict):
            port.pop("nodePort", None)
