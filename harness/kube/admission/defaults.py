"""Sets the defaults that a real API server sets, so that controllers and users see complete objects."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

from harness.kube.api import Object


def apply_defaults(obj: Object) -> None:
    """Set the defaults of an object's kind, in place. Objects of other kinds are not changed."""
    filler = _FILLERS.get(obj["kind"])
    if filler is not None:
        filler(obj)


def drop_nulls(value: Any) -> None:
    """Remove null values at any depth, in place: a server stores no nulls."""
    if isinstance(value, dict):
        for name in [name for name, item in value.items() if item is None]:
            del value[name]
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            drop_nulls(item)


def _fill(target: Object, **values: Any) -> None:
    for name, value in values.items():
        if target.get(name) is None:
            target[name] = value


def _objects(items: Any) -> Iterator[Object]:
    """Return the items of a list that are objects. The validation reports all others."""
    return (item for item in (items if isinstance(items, list) else []) if isinstance(item, dict))


def pod_spec(spec: Object) -> None:
    """Set the defaults of a pod's spec, also of one in a template."""
    _fill(
        spec,
        restartPolicy="Always",
        terminationGracePeriodSeconds=30,
        dnsPolicy="ClusterFirst",
        securityContext={},
        schedulerName="default-scheduler",
    )
    for container in (*_objects(spec.get("containers")), *_objects(spec.get("initContainers"))):
        _container(container)
    for volume in _objects(spec.get("volumes")):
        for source in ("configMap", "secret", "projected", "downwardAPI"):
            if isinstance(volume.get(source), dict):
                _fill(volume[source], defaultMode=420)


def _container(container: Object) -> None:
    image = str(container.get("image") or "")
    tag = image.rpartition("/")[2].partition(":")[2]
    latest = tag in {"", "latest"} and "@" not in image
    _fill(
        container,
        imagePullPolicy="Always" if latest else "IfNotPresent",
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
        resources={},
    )
    for port in _objects(container.get("ports")):
        _fill(port, protocol="TCP")
    for name in ("readinessProbe", "livenessProbe", "startupProbe"):
        if isinstance(container.get(name), dict):
            _probe(container[name])
    for hook in (container.get("lifecycle") or {}).values():
        _handler(hook)
    for variable in _objects(container.get("env")):
        reference = (variable.get("valueFrom") or {}).get("fieldRef")
        if reference:
            _fill(reference, apiVersion="v1")


def _probe(probe: Object) -> None:
    _fill(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
    _handler(probe)


def _handler(handler: Any) -> None:
    if isinstance(handler, dict) and isinstance(handler.get("httpGet"), dict):
        _fill(handler["httpGet"], path="/", scheme="HTTP")


def _template(spec: Object) -> None:
    template = spec.get("template")
    if isinstance(template, dict) and isinstance(template.get("spec"), dict):
        pod_spec(template["spec"])


def _pod(obj: Object) -> None:
    pod_spec(obj["spec"])
    _fill(obj["spec"], enableServiceLinks=True)
    status = obj.setdefault("status", {})
    _fill(status, phase="Pending", qosClass="BestEffort")


def _deployment(obj: Object) -> None:
    spec = obj["spec"]
    _fill(spec, replicas=1, strategy={}, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = spec["strategy"]
    _fill(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _fill(strategy, rollingUpdate={})
        _fill(strategy["rollingUpdate"], maxUnavailable="25%", maxSurge="25%")
    _template(spec)
    obj.setdefault("status", {})


def _replicaset(obj: Object) -> None:
    _fill(obj["spec"], replicas=1)
    _template(obj["spec"])
    obj.setdefault("status", {"replicas": 0})


def _service(obj: Object) -> None:
    spec = obj["spec"]
    _fill(spec, type="ClusterIP", sessionAffinity="None")
    if spec["type"] != "ExternalName":
        _fill(spec, internalTrafficPolicy="Cluster", ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack")
    if spec["type"] in {"NodePort", "LoadBalancer"}:
        _fill(spec, externalTrafficPolicy="Cluster")
    for port in _objects(spec.get("ports")):
        _fill(port, protocol="TCP", targetPort=port.get("port"))
    obj.setdefault("status", {"loadBalancer": {}})


def _ingress(obj: Object) -> None:
    obj.setdefault("status", {"loadBalancer": {}})


def _namespace(obj: Object) -> None:
    obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = obj["metadata"].get("name", "")
    if not is_deleted(obj):
        _fill(obj.setdefault("spec", {}), finalizers=["kubernetes"])
    _fill(obj.setdefault("status", {}), phase="Active")


def is_deleted(obj: Object) -> bool:
    """Return True if the object's deletion has begun. Its finalizers can then only be removed."""
    return bool(obj["metadata"].get("deletionTimestamp"))


def _secret(obj: Object) -> None:
    _fill(obj, type="Opaque")
    plain = obj.pop("stringData", None) or {}
    for name, text in plain.items():
        obj.setdefault("data", {})[name] = base64.b64encode(str(text).encode()).decode()


_FILLERS: dict[str, Callable[[Object], None]] = {
    "Pod": _pod,
    "Deployment": _deployment,
    "ReplicaSet": _replicaset,
    "Service": _service,
    "Ingress": _ingress,
    "Namespace": _namespace,
    "Secret": _secret,
}
