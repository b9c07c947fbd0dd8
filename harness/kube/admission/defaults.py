"""Sets the defaults that a real API server sets, so that controllers and users see complete objects."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any

from harness.kube.admission.quantities import canonical
from harness.kube.api import Object


def apply_defaults(obj: Object) -> None:
    """Set the defaults of an object's kind, in place. Objects of other kinds are not changed."""
    filler = _FILLERS.get(obj["kind"])
    if filler is not None:
        if isinstance(obj.get("spec"), dict):
            _drop_zeros(obj["spec"])
        filler(obj)


def drop_nulls(value: Any) -> None:
    """Remove null values at any depth, in place: a server stores no nulls."""
    if isinstance(value, dict):
        for name in [name for name, item in value.items() if item is None]:
            del value[name]
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            drop_nulls(item)


#: Fields of specifications that a real server omits if they are zero, false, or an empty text, list or map.
_ZERO_IS_ABSENT = frozenset(
    {
        "args", "command", "env", "envFrom", "externalIPs", "externalTrafficPolicy", "hostAliases", "hostIP",
        "hostIPC", "hostNetwork", "hostPID", "hostPort", "hostname", "imagePullSecrets", "initContainers",
        "limits", "loadBalancerIP", "loadBalancerSourceRanges", "minReadySeconds", "nodeName", "nodePort",
        "nodeSelector", "paused", "ports", "priorityClassName", "publishNotReadyAddresses", "readOnly",
        "readinessGates", "requests", "secretName", "serviceAccountName", "stdin", "stdinOnce", "subdomain",
        "tls", "tolerations", "topologySpreadConstraints", "tty", "volumeMounts", "volumes", "workingDir",
    }
)  # fmt: skip


def _drop_zeros(value: Any) -> None:
    """Remove fields in ``_ZERO_IS_ABSENT`` that are zero or empty, at any depth, in place."""
    if isinstance(value, dict):
        for name in [name for name, item in value.items() if name in _ZERO_IS_ABSENT and not item and item is not None]:
            del value[name]
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            _drop_zeros(item)


#: Fields that get no default in place of an empty text: the text is an invalid value, which validation refuses.
_TEXT_OR_NUMBER = frozenset({"maxSurge", "maxUnavailable"})


def _fill(target: Object, **values: Any) -> None:
    for name, value in values.items():
        given = target.get(name)
        if given is None or (given == "" and name not in _TEXT_OR_NUMBER):
            target[name] = value


def _drop_empty(target: Object, *names: str) -> None:
    """Remove fields with an empty text, as a real server omits them in its answers."""
    for name in names:
        if target.get(name) == "":
            del target[name]


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
    for container in _objects(spec.get("containers")):
        container.pop("restartPolicy", None)  # Real servers drop it while its feature gate is off.
    for container in _objects(spec.get("initContainers")):
        if container.get("restartPolicy") != "Always":
            container.pop("restartPolicy", None)
    for volume in _objects(spec.get("volumes")):
        for source in ("configMap", "secret", "projected", "downwardAPI"):
            if isinstance(volume.get(source), dict):
                _fill(volume[source], defaultMode=420)
        if set(volume) == {"name"}:
            volume["emptyDir"] = {}
    if spec.get("serviceAccountName"):
        _fill(spec, serviceAccount=spec["serviceAccountName"])


def _container(container: Object) -> None:
    image = str(container.get("image") or "")
    readable = not re.search(r"\s|[A-Z]", image.rpartition("/")[2].partition(":")[0])
    tag = image.rpartition("/")[2].partition(":")[2]
    latest = readable and tag in {"", "latest"} and "@" not in image
    _fill(
        container,
        imagePullPolicy="Always" if latest else "IfNotPresent",
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
        resources={},
    )
    for side in ("limits", "requests"):
        amounts = container["resources"].get(side)
        if isinstance(amounts, dict):
            container["resources"][side] = {name: canonical(amount) for name, amount in amounts.items()}
    for port in _objects(container.get("ports")):
        _drop_empty(port, "name")
        _fill(port, protocol="TCP")
    for name in ("readinessProbe", "livenessProbe", "startupProbe"):
        if isinstance(container.get(name), dict):
            _probe(container[name])
    hooks = container.get("lifecycle") or {}
    if hooks.pop("stopSignal", None) and not hooks:  # Real servers drop it while its feature gate is off.
        del container["lifecycle"]
    for hook in hooks.values():
        _handler(hook)
    for variable in _objects(container.get("env")):
        _variable(variable)


def _variable(variable: Object) -> None:
    _drop_empty(variable, "value")
    source = variable.get("valueFrom") or {}
    if source.get("resourceFieldRef"):
        _fill(source["resourceFieldRef"], divisor="0")
    if source.get("fieldRef"):
        _fill(source["fieldRef"], apiVersion="v1")


#: Numbers of a probe for which zero means "not given".
_UNSET_WHEN_ZERO = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")


def _probe(probe: Object) -> None:
    for name in [name for name in _UNSET_WHEN_ZERO if probe.get(name) == 0]:
        del probe[name]
    _fill(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
    if isinstance(probe.get("grpc"), dict):
        probe["grpc"].setdefault("service", "")
    _handler(probe)


def _handler(handler: Any) -> None:
    if isinstance(handler, dict) and isinstance(handler.get("httpGet"), dict):
        _fill(handler["httpGet"], path="/", scheme="HTTP")
    if isinstance(handler, dict) and isinstance(handler.get("sleep"), dict):
        _fill(handler["sleep"], seconds=0)


def _template(spec: Object) -> None:
    template = spec.get("template")
    if isinstance(template, dict) and isinstance(template.get("spec"), dict):
        pod_spec(template["spec"])


#: The resources that decide a pod's class of quality of service.
_COMPUTE = frozenset({"cpu", "memory"})


def _pod(obj: Object) -> None:
    pod_spec(obj["spec"])
    spec = obj["spec"]
    _fill(spec, enableServiceLinks=True)
    grace = spec["terminationGracePeriodSeconds"]
    if isinstance(grace, int) and grace < 0:
        spec["terminationGracePeriodSeconds"] = 1
    for container in (*_objects(spec.get("containers")), *_objects(spec.get("initContainers"))):
        resources = container["resources"]
        if resources.get("limits"):
            resources["requests"] = {**resources["limits"], **(resources.get("requests") or {})}
    status = obj.setdefault("status", {})
    _fill(status, phase="Pending", qosClass=qos_class(spec))


def qos_class(spec: Object) -> str:
    """Return a pod's class of quality of service: ``Guaranteed``, ``Burstable`` or ``BestEffort``."""
    containers = [*_objects(spec.get("containers")), *_objects(spec.get("initContainers"))]
    amounts = [
        {side: (container.get("resources") or {}).get(side) or {} for side in ("limits", "requests")}
        for container in containers
    ]
    if not any(each["limits"].keys() & _COMPUTE or each["requests"].keys() & _COMPUTE for each in amounts):
        return "BestEffort"
    guaranteed = all(
        each["limits"].keys() >= _COMPUTE
        and all(each["requests"].get(name, each["limits"][name]) == each["limits"][name] for name in _COMPUTE)
        for each in amounts
    )
    return "Guaranteed" if guaranteed else "Burstable"


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
    if spec.get("selector") == {}:
        del spec["selector"]
    if spec["type"] != "ExternalName":
        _fill(spec, internalTrafficPolicy="Cluster", ipFamilies=["IPv4"], ipFamilyPolicy="SingleStack")
    if spec["type"] in {"NodePort", "LoadBalancer"} or spec.get("externalIPs"):
        _fill(spec, externalTrafficPolicy="Cluster")
    if spec["type"] == "LoadBalancer":
        _fill(spec, allocateLoadBalancerNodePorts=True)
    if spec["sessionAffinity"] == "ClientIP":
        _fill(spec, sessionAffinityConfig={"clientIP": {"timeoutSeconds": 10800}})
    else:
        spec.pop("sessionAffinityConfig", None)
    for port in _objects(spec.get("ports")):
        if port.get("targetPort") in {0, ""}:
            del port["targetPort"]
        _fill(port, protocol="TCP", targetPort=port.get("port"))
    obj.setdefault("status", {"loadBalancer": {}})


def _ingress(obj: Object) -> None:
    for rule in _objects(obj["spec"].get("rules")):
        _drop_empty(rule, "host")
        for path in _objects((rule.get("http") or {}).get("paths")):
            _drop_empty(path, "path")
    obj.setdefault("status", {"loadBalancer": {}})


def _endpointslice(obj: Object) -> None:
    for endpoint in _objects(obj.get("endpoints")):
        _fill(endpoint, conditions={})
    for port in _objects(obj.get("ports")):
        _fill(port, name="", protocol="TCP")


def _namespace(obj: Object) -> None:
    obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = obj["metadata"].get("name", "")
    if not is_deleted(obj):
        finalizers = obj.setdefault("spec", {}).setdefault("finalizers", [])
        if "kubernetes" not in finalizers:
            finalizers.append("kubernetes")
    _fill(obj.setdefault("status", {}), phase="Active")


def is_deleted(obj: Object) -> bool:
    """Return True if the object's deletion has begun. Its finalizers can then only be removed."""
    return bool(obj["metadata"].get("deletionTimestamp"))


def _configmap(obj: Object) -> None:
    for name in ("data", "binaryData"):
        if obj.get(name) == {}:
            del obj[name]


def _secret(obj: Object) -> None:
    _fill(obj, type="Opaque")
    plain = obj.pop("stringData", None) or {}
    for name, text in plain.items():
        obj.setdefault("data", {})[name] = base64.b64encode(str(text).encode()).decode()


def _autoscaler(obj: Object) -> None:
    spec = obj["spec"]
    _fill(spec, minReplicas=1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    _fill(obj.setdefault("status", {}), desiredReplicas=0)


def _priority_class(obj: Object) -> None:
    _fill(obj, value=0, preemptionPolicy="PreemptLowerPriority")


def _budget(obj: Object) -> None:
    _fill(obj.setdefault("status", {}), currentHealthy=0, desiredHealthy=0, disruptionsAllowed=0, expectedPods=0)


_FILLERS: dict[str, Callable[[Object], None]] = {
    "Pod": _pod,
    "PodDisruptionBudget": _budget,
    "Deployment": _deployment,
    "ReplicaSet": _replicaset,
    "Service": _service,
    "Ingress": _ingress,
    "EndpointSlice": _endpointslice,
    "ConfigMap": _configmap,
    "Namespace": _namespace,
    "Secret": _secret,
    "HorizontalPodAutoscaler": _autoscaler,
    "PriorityClass": _priority_class,
}
