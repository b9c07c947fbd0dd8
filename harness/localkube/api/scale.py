"""The scale subresource: the number of replicas as a separate object, for `kubectl scale` and autoscalers."""

from __future__ import annotations

from harness.kube.copies import copied
from harness.localkube.api import errors
from harness.localkube.machinery.objects import Object


def scale_of(obj: Object) -> Object:
    """Return the ``Scale`` of a Deployment or ReplicaSet."""
    metadata = obj["metadata"]
    labels = (obj["spec"].get("selector") or {}).get("matchLabels") or {}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            name: metadata[name] for name in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        },
        "spec": {"replicas": obj["spec"]["replicas"]} if obj["spec"]["replicas"] else {},
        "status": {
            "replicas": obj.get("status", {}).get("replicas", 0),
            "selector": ",".join(f"{name}={value}" for name, value in sorted(labels.items())),
        },
    }


def scaled(obj: Object, scale: Object) -> Object:
    """Return the object with the replicas of a ``Scale``; raise ``StatusError`` 400 if they are not a number."""
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int):
        field = "ScaleSpec.spec.replicas of type int32"
        raise errors.invalid_patch(f"json: cannot unmarshal string into Go struct field {field}")
    name = (scale.get("metadata") or {}).get("name")
    if name not in {None, obj["metadata"]["name"]}:
        own = obj["metadata"]["name"]
        raise errors.bad_request(f"the name of the object ({name}) does not match the name on the URL ({own})")
    new = copied(obj)
    new["spec"]["replicas"] = replicas
    version = (scale.get("metadata") or {}).get("resourceVersion")
    if version:
        new["metadata"]["resourceVersion"] = version
    return new
