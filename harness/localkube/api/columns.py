"""Compute the table cells of each kind as a real server's printers do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from harness.localkube.machinery.objects import Object, condition, is_deleting, is_true, parse_timestamp

_NONE = "<none>"
_UNKNOWN = "<unknown>"
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def human_duration(seconds: int) -> str:
    """Format a duration in at most two units, coarser as it grows: ``90s``, ``5m30s``, ``3h``, ``9d``."""
    if seconds < 2 * _MINUTE:
        return f"{max(seconds, 0)}s"
    if seconds < 10 * _MINUTE:
        return _two(seconds, _MINUTE, "m", 1, "s")
    if seconds < 3 * _HOUR:
        return f"{seconds // _MINUTE}m"
    if seconds < 8 * _HOUR:
        return _two(seconds, _HOUR, "h", _MINUTE, "m")
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR}h"
    return _two(seconds, _DAY, "d", _HOUR, "h") if seconds < 8 * _DAY else f"{seconds // _DAY}d"


def _two(seconds: int, big: int, big_unit: str, small: int, small_unit: str) -> str:
    rest = seconds % big // small
    return f"{seconds // big}{big_unit}" + (f"{rest}{small_unit}" if rest else "")


def since(text: str | None) -> str:
    """Return the time since a timestamp, formatted."""
    if not text:
        return _UNKNOWN
    return human_duration(int((datetime.now(UTC) - parse_timestamp(text)).total_seconds()))


def _age(obj: Object) -> str:
    return since(obj["metadata"].get("creationTimestamp"))


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def plain(obj: Object) -> list[Any]:
    """Return the cells of any other kind: name and age."""
    return [_name(obj), _age(obj)]


def pod(obj: Object) -> list[Any]:
    """Return the cells of a pod."""
    spec, status = obj["spec"], obj.get("status", {})
    statuses = status.get("containerStatuses") or []
    ready = sum(bool(entry.get("ready")) for entry in statuses)
    restarts = sum(entry.get("restartCount", 0) for entry in statuses)
    return [
        _name(obj),
        f"{ready}/{len(spec['containers'])}",
        pod_reason(obj),
        str(restarts),
        _age(obj),
        status.get("podIP") or _NONE,
        spec.get("nodeName") or _NONE,
        _NONE,
        _gates(obj),
    ]


def _gates(pod: Object) -> str:
    """Return the number of readiness gates of a pod that are true, out of all."""
    gates = [gate["conditionType"] for gate in pod["spec"].get("readinessGates") or []]
    return f"{sum(is_true(pod, gate) for gate in gates)}/{len(gates)}" if gates else _NONE


def pod_reason(obj: Object) -> str:
    """Return the STATUS of a pod: its phase, or the reason of the last container that waits or has ended."""
    status = obj.get("status", {})
    reason = status.get("reason") or status.get("phase") or "Unknown"
    for entry in status.get("containerStatuses") or []:
        state = entry.get("state") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
        if waiting.get("reason"):
            reason = waiting["reason"]
        elif ended:
            signal = ended.get("signal")
            code = f"Signal:{signal}" if signal else f"ExitCode:{ended.get('exitCode', 0)}"
            reason = ended.get("reason") or code
    return "Terminating" if is_deleting(obj) else str(reason)


def _template_cells(obj: Object) -> list[Any]:
    containers = obj["spec"]["template"]["spec"]["containers"]
    return [
        ",".join(c["name"] for c in containers),
        ",".join(c["image"] for c in containers),
        _labels((obj["spec"].get("selector") or {}).get("matchLabels")),
    ]


def _labels(labels: dict[str, str] | None) -> str:
    return ",".join(f"{name}={value}" for name, value in sorted((labels or {}).items())) or _NONE


def deployment(obj: Object) -> list[Any]:
    """Return the cells of a Deployment."""
    status = obj.get("status", {})
    ready = f"{status.get('readyReplicas', 0)}/{obj['spec']['replicas']}"
    counts = [status.get("updatedReplicas", 0), status.get("availableReplicas", 0)]
    return [_name(obj), ready, *counts, _age(obj), *_template_cells(obj)]


def replicaset(obj: Object) -> list[Any]:
    """Return the cells of a ReplicaSet."""
    status = obj.get("status", {})
    counts = [obj["spec"]["replicas"], status.get("replicas", 0), status.get("readyReplicas", 0)]
    return [_name(obj), *counts, _age(obj), *_template_cells(obj)]


def service(obj: Object) -> list[Any]:
    """Return the cells of a Service."""
    spec = obj["spec"]
    ports = []
    for port in spec.get("ports") or []:
        node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
        ports.append(f"{port['port']}{node_port}/{port['protocol']}")
    address = spec.get("clusterIP") or _NONE
    return [
        _name(obj),
        spec["type"],
        address,
        _external(obj),
        ",".join(ports) or _NONE,
        _age(obj),
        _labels(spec.get("selector")),
    ]


def _external(obj: Object) -> str:
    spec = obj["spec"]
    if spec["type"] == "ExternalName":
        return str(spec.get("externalName") or _NONE)
    if spec["type"] == "LoadBalancer":
        return _balancer(obj) or "<pending>"
    return ",".join(spec.get("externalIPs") or []) or _NONE


def _balancer(obj: Object) -> str:
    entries = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    return ",".join(entry.get("ip") or entry.get("hostname") or "" for entry in entries)


def ingress(obj: Object) -> list[Any]:
    """Return the cells of an Ingress."""
    spec = obj["spec"]
    hosts = [rule["host"] for rule in spec.get("rules") or [] if rule.get("host")]
    ports = "80, 443" if spec.get("tls") else "80"
    kind = spec.get("ingressClassName") or _NONE
    return [_name(obj), kind, ",".join(hosts) or "*", _balancer(obj), ports, _age(obj)]


def endpointslice(obj: Object) -> list[Any]:
    """Return the cells of an EndpointSlice."""
    ports = ",".join(str(port.get("port", "*")) for port in obj.get("ports") or []) or "<unset>"
    addresses = [address for endpoint in obj.get("endpoints") or [] for address in endpoint.get("addresses") or []]
    return [_name(obj), obj["addressType"], ports, _few(addresses) or "<unset>", _age(obj)]


def _few(items: list[str]) -> str:
    more = f" + {len(items) - 3} more..." if len(items) > 3 else ""
    return ",".join(items[:3]) + more


def endpoints(obj: Object) -> list[Any]:
    """Return the cells of an Endpoints object."""
    pairs = [
        f"{address['ip']}:{port['port']}"
        for subset in obj.get("subsets") or []
        for port in subset.get("ports") or []
        for address in subset.get("addresses") or []
    ]
    return [_name(obj), _few(pairs) or _NONE, _age(obj)]


def node(obj: Object) -> list[Any]:
    """Return the cells of a Node."""
    status = obj.get("status", {})
    ready = "Unknown" if condition(obj, "Ready") is None else "Ready" if is_true(obj, "Ready") else "NotReady"
    if obj.get("spec", {}).get("unschedulable"):
        ready += ",SchedulingDisabled"
    prefix = "node-role.kubernetes.io/"
    labels = obj["metadata"].get("labels") or {}
    roles = ",".join(sorted(key.removeprefix(prefix) for key in labels if key.startswith(prefix)))
    version = (status.get("nodeInfo") or {}).get("kubeletVersion", "")
    addresses = [a["address"] for a in status.get("addresses") or [] if a["type"] == "InternalIP"]
    return [_name(obj), ready, roles or _NONE, _age(obj), version, *(addresses[:1] or [_NONE])]


def namespace(obj: Object) -> list[Any]:
    """Return the cells of a Namespace."""
    return [_name(obj), obj.get("status", {}).get("phase", ""), _age(obj)]


def event(obj: Object) -> list[Any]:
    """Return the cells of a stored Event (core/v1)."""
    about = obj.get("involvedObject") or {}
    source = obj.get("source") or {}
    first = obj.get("firstTimestamp") or obj.get("eventTime")
    last = obj.get("lastTimestamp") or first
    return [
        since(last),
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}",
        ", ".join(filter(None, (source.get("component") or obj.get("reportingComponent"), source.get("host")))),
        str(obj.get("message", "")).strip(),
        since(first),
        str(obj.get("count") or 1),
        _name(obj),
    ]


def configmap(obj: Object) -> list[Any]:
    """Return the cells of a ConfigMap."""
    return [_name(obj), len(obj.get("data") or {}) + len(obj.get("binaryData") or {}), _age(obj)]


def secret(obj: Object) -> list[Any]:
    """Return the cells of a Secret."""
    return [_name(obj), obj.get("type", ""), len(obj.get("data") or {}), _age(obj)]


def ingressclass(obj: Object) -> list[Any]:
    """Return the cells of an IngressClass."""
    return [_name(obj), (obj.get("spec") or {}).get("controller", ""), _age(obj)]


def priorityclass(obj: Object) -> list[Any]:
    """Return the cells of a PriorityClass."""
    policy = obj.get("preemptionPolicy", "")
    return [_name(obj), obj.get("value", 0), obj.get("globalDefault", False), _age(obj), policy]


def runtimeclass(obj: Object) -> list[Any]:
    """Return the cells of a RuntimeClass."""
    return [_name(obj), obj.get("handler", ""), _age(obj)]


def lease(obj: Object) -> list[Any]:
    """Return the cells of a Lease."""
    return [_name(obj), (obj.get("spec") or {}).get("holderIdentity") or "", _age(obj)]


def scale(obj: Object) -> list[Any]:
    """Return the cells of a Scale."""
    return [_name(obj), obj["spec"].get("replicas", 0), obj["status"].get("replicas", 0), _age(obj)]


def serviceaccount(obj: Object) -> list[Any]:
    """Return the cells of a ServiceAccount."""
    return [_name(obj), len(obj.get("secrets") or ()), _age(obj)]


def networkpolicy(obj: Object) -> list[Any]:
    """Return the cells of a NetworkPolicy."""
    labels = ((obj.get("spec") or {}).get("podSelector") or {}).get("matchLabels") or {}
    return [_name(obj), ",".join(f"{k}={v}" for k, v in sorted(labels.items())) or _NONE, _age(obj)]


def disruptionbudget(obj: Object) -> list[Any]:
    """Return the cells of a PodDisruptionBudget."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    bounds = (str(spec.get(name, "N/A")) for name in ("minAvailable", "maxUnavailable"))
    return [_name(obj), *bounds, status.get("disruptionsAllowed", 0), _age(obj)]


def autoscaler(obj: Object) -> list[Any]:
    """Return the cells of a HorizontalPodAutoscaler; nothing measures its metrics here."""
    spec, status = obj["spec"], obj.get("status") or {}
    target = spec.get("scaleTargetRef") or {}
    return [
        _name(obj),
        f"{target.get('kind', '')}/{target.get('name', '')}",
        ", ".join(_metric(each) for each in spec.get("metrics") or ()) or _NONE,
        str(spec.get("minReplicas", _NONE)),
        spec.get("maxReplicas", 0),
        status.get("currentReplicas", 0),
        _age(obj),
    ]


def _metric(metric: Object) -> str:
    resource = metric.get("resource") or {}
    target = resource.get("target") or {}
    percent = target.get("averageUtilization")
    wanted = f"{percent}%" if percent is not None else str(target.get("averageValue", _UNKNOWN))
    return f"{resource.get('name', metric.get('type', ''))}: {_UNKNOWN}/{wanted}"


def statefulset(obj: Object) -> list[Any]:
    """Return the cells of a StatefulSet."""
    ready = (obj.get("status") or {}).get("readyReplicas", 0)
    return [_name(obj), f"{ready}/{obj['spec'].get('replicas', 1)}", _age(obj), *_containers(obj)]


def daemonset(obj: Object) -> list[Any]:
    """Return the cells of a DaemonSet."""
    status = obj.get("status") or {}
    names = (
        *("desiredNumberScheduled", "currentNumberScheduled", "numberReady"),
        *("updatedNumberScheduled", "numberAvailable"),
    )
    chosen = (obj["spec"]["template"].get("spec") or {}).get("nodeSelector") or {}
    selector = ",".join(f"{k}={v}" for k, v in sorted(chosen.items())) or _NONE
    return [_name(obj), *(status.get(name, 0) for name in names), selector, _age(obj), *_containers(obj)]


def job(obj: Object) -> list[Any]:
    """Return the cells of a Job."""
    spec, status = obj["spec"], obj.get("status") or {}
    state = "Suspended" if spec.get("suspend") else "Running"
    done = f"{status.get('succeeded', 0)}/{spec.get('completions', 1)}"
    return [_name(obj), state, done, since(status["startTime"]) if "startTime" in status else "", _age(obj)]


def cronjob(obj: Object) -> list[Any]:
    """Return the cells of a CronJob."""
    spec = obj["spec"]
    suspended = str(bool(spec.get("suspend")))
    return [_name(obj), spec.get("schedule", ""), spec.get("timeZone", _NONE), suspended, 0, _NONE, _age(obj)]


def _containers(obj: Object) -> list[str]:
    containers = (obj["spec"]["template"].get("spec") or {}).get("containers") or []
    return [",".join(each[name] for each in containers) for name in ("name", "image")]
