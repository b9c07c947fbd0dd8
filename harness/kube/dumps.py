"""Recognise what an API server has added to an object, so that the output of ``kubectl get -o yaml`` can be applied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

Object = dict[str, Any]

#: Metadata that only an API server sets; an object that was never on a cluster has neither.
_MARKS = ("uid", "resourceVersion")
_METADATA = (
    "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
    "managedFields", "selfLink", "ownerReferences",
)  # fmt: skip
_ANNOTATIONS = ("kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision")
_SERVICE = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort")
#: Kinds of objects that controllers create from other objects.
_MADE = frozenset({"Pod", "ReplicaSet", "Job", "EndpointSlice", "Endpoints", "ControllerRevision"})
#: Kinds that nobody applies: they say what a cluster consists of, or what happened on it.
_OF_THE_CLUSTER = frozenset({"Event", "Lease", "Node"})
_OWN_NAMES = frozenset({("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default"), ("Service", "kubernetes")})


#: Annotation of an object that Helm creates only at certain moments: its hooks.
_HOOK = "helm.sh/hook"
#: Hooks that neither an installation nor an upgrade runs.
_LATER_HOOKS = frozenset(
    {"test", "test-success", "test-failure", "pre-delete", "post-delete", "pre-rollback", "post-rollback"}
)


def was_on_a_cluster(obj: Mapping[str, Any]) -> bool:
    """Return True if an object was read from a cluster: it has an identity, or an address of that cluster."""
    metadata, spec = obj.get("metadata"), obj.get("spec")
    if isinstance(metadata, Mapping) and any(metadata.get(name) for name in _MARKS):
        return True
    address = spec.get("clusterIP") if isinstance(spec, Mapping) and obj.get("kind") == "Service" else None
    return isinstance(address, str) and address not in {"", "None"}


def reason_to_leave_out(obj: Mapping[str, Any]) -> str:
    """Return why a trial does not create an object: a cluster makes it, or Helm at another time; empty if it does."""
    kind = str(obj.get("kind"))
    metadata = obj.get("metadata")
    hooks = _hooks(metadata)
    if hooks and hooks <= _LATER_HOOKS:
        return f"an installation by Helm does not create it, since it is a hook ({', '.join(sorted(hooks))})"
    owners = metadata.get("ownerReferences") if isinstance(metadata, Mapping) else None
    if kind in _MADE and isinstance(owners, list) and owners and isinstance(owners[0], Mapping):
        return f"{owners[0].get('kind')} {owners[0].get('name')} makes it"
    if kind in _OF_THE_CLUSTER:
        return "the cluster itself makes it"
    if (kind, _name(obj)) in _OWN_NAMES:
        return "every namespace has one"
    if kind == "PersistentVolume" and was_on_a_cluster(obj):
        return "it belongs to the cluster on which it was"
    made = kind in {"EndpointSlice", "Endpoints"} and was_on_a_cluster(obj)
    return "the cluster makes it from the Service" if made else ""


def _hooks(metadata: Any) -> frozenset[str]:
    """Return the hooks at which Helm creates an object."""
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    written = annotations.get(_HOOK) if isinstance(annotations, Mapping) else None
    return frozenset(filter(None, (word.strip() for word in str(written or "").split(","))))


def without_server_fields(written: Mapping[str, Any]) -> Object:
    """Return a copy of an object without the fields that an API server added: identity, status, addresses.

    The namespace stays.
    """
    obj = deepcopy(dict(written))
    obj.pop("status", None)
    _clean_metadata(obj)
    spec = obj.get("spec")
    if isinstance(spec, dict):
        if obj.get("kind") == "Service":
            _clean_service(spec)
        if isinstance(spec.get("template"), dict):
            _clean_metadata(spec["template"])
    return obj


def clean(objects: Iterable[Mapping[str, Any]]) -> tuple[list[Object], list[str]]:
    """Return the objects that a trial creates, without server fields, and a sentence for each that is left out."""
    kept, notices = [], []
    for written in objects:
        if reason := reason_to_leave_out(written):
            notices.append(f"{written.get('kind')} {_name(written)} is left out: {reason}")
        else:
            kept.append(without_server_fields(written) if was_on_a_cluster(written) else dict(written))
    return kept, notices


def _name(obj: Mapping[str, Any]) -> str:
    metadata = obj.get("metadata")
    return str(metadata.get("name")) if isinstance(metadata, Mapping) else ""


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
