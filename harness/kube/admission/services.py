"""Validate a Service as a real API server does, with its field paths and messages."""

from __future__ import annotations

from collections.abc import Iterator

from harness.kube.admission import names
from harness.kube.admission.problems import FieldProblem
from harness.kube.api import Object

Problems = Iterator[FieldProblem]

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_POLICIES = ("Cluster", "Local")
_FAMILY_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
_LONGEST_AFFINITY = 86400


def drop_of_former_type(new: Object, old: Object) -> None:
    """Remove, in place, unchanged fields of a changed Service that only its former type has.

    So a client may change the type alone; a real server does the same.
    """
    spec, before = new["spec"], old["spec"]
    if _has_address(before) and not _has_address(spec) and spec.get("clusterIP") == before.get("clusterIP"):
        for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            spec.pop(name, None)
    if _is_outside(before) and not _is_outside(spec):
        for port, former in zip(spec.get("ports") or [], before.get("ports") or [], strict=False):
            if port.get("nodePort") == former.get("nodePort"):
                port.pop("nodePort", None)
        if spec.get("externalTrafficPolicy") == before.get("externalTrafficPolicy") and not spec.get("externalIPs"):
            spec.pop("externalTrafficPolicy", None)
    if before.get("type") == "LoadBalancer" and spec.get("type") != "LoadBalancer":
        for name in ("allocateLoadBalancerNodePorts", "loadBalancerClass", "healthCheckNodePort"):
            if spec.get(name) == before.get(name):
                spec.pop(name, None)


def _has_address(spec: Object) -> bool:
    return spec.get("type") != "ExternalName"


def _is_outside(spec: Object) -> bool:
    return spec.get("type") in {"NodePort", "LoadBalancer"}


def service(obj: Object) -> Problems:
    """Find the problems of a Service, defaults filled in."""
    spec = obj["spec"]
    yield from names.one_of("spec.type", spec["type"], _TYPES)
    yield from _ports(spec)
    yield from names.labels("spec.selector", spec.get("selector") or {})
    if spec["type"] == "ExternalName":
        if not spec.get("externalName"):
            yield FieldProblem.required("spec.externalName")
        else:
            yield from names.dns_subdomain("spec.externalName", spec["externalName"])
    yield from _affinity(spec)
    yield from _addresses(spec)
    yield from _exposure(spec)
    yield from names.one_of("spec.internalTrafficPolicy", spec.get("internalTrafficPolicy"), _POLICIES)
    yield from names.one_of("spec.trafficDistribution", spec.get("trafficDistribution"), _DISTRIBUTIONS)


def _ports(spec: Object) -> Problems:
    ports = spec.get("ports") or []
    if not ports and spec["type"] != "ExternalName" and spec.get("clusterIP") != "None":
        yield FieldProblem.required("spec.ports")
    names_seen: set[str] = set()
    numbers_seen: set[tuple[int, str]] = set()
    for i, port in enumerate(ports):
        path = f"spec.ports[{i}]"
        yield from names.port(f"{path}.port", port.get("port") or 0)
        yield from names.port_or_name(f"{path}.targetPort", port.get("targetPort") or 0)
        name = port.get("name") or ""
        if len(ports) > 1 and not name:
            yield FieldProblem.required(f"{path}.name")
        elif name in names_seen:
            yield FieldProblem.duplicate(f"{path}.name", name)
        elif name:
            yield from names.dns_label(f"{path}.name", name)
        names_seen.add(name)
        yield from names.one_of(f"{path}.protocol", port["protocol"], _PROTOCOLS)
        number = (port.get("port") or 0, port["protocol"])
        if number in numbers_seen:
            text = (
                f'Duplicate value: {{"Name":"","Protocol":"{number[1]}","AppProtocol":null,"Port":{number[0]},'
                '"TargetPort":0,"NodePort":0}'
            )
            yield FieldProblem(path, "FieldValueDuplicate", text)
        numbers_seen.add(number)
        if port.get("appProtocol"):
            yield from names.label_key(f"{path}.appProtocol", port["appProtocol"])
        if port.get("nodePort") and spec["type"] == "ClusterIP":
            yield FieldProblem.forbidden(f"{path}.nodePort", "may not be used when `type` is 'ClusterIP'")


def _affinity(spec: Object) -> Problems:
    yield from names.one_of("spec.sessionAffinity", spec.get("sessionAffinity"), ("ClientIP", "None"))
    config = spec.get("sessionAffinityConfig")
    if config is None:
        return
    seconds = (config.get("clientIP") or {}).get("timeoutSeconds")
    if seconds is not None and not 0 < seconds <= _LONGEST_AFFINITY:
        detail = f"must be greater than 0 and less than {_LONGEST_AFFINITY}"
        yield FieldProblem.invalid("spec.sessionAffinityConfig.clientIP.timeoutSeconds", seconds, detail)


def _addresses(spec: Object) -> Problems:
    address = spec.get("clusterIP")
    if address == "None" and _is_outside(spec):
        detail = f"may not be set to 'None' for {spec['type']} services"
        yield FieldProblem.invalid("spec.clusterIPs[0]", address, detail)
    elif address and address != "None":
        yield from names.ip_address("spec.clusterIPs[0]", address)
    for i, each in enumerate(spec.get("externalIPs") or []):
        yield from names.no_loopback(f"spec.externalIPs[{i}]", each)
    policy = spec.get("ipFamilyPolicy")
    yield from names.one_of("spec.ipFamilyPolicy", policy, _FAMILY_POLICIES)
    if policy == "RequireDualStack" and spec.get("selector"):
        detail = "this cluster is not configured for dual-stack services"
        yield FieldProblem.invalid("spec.ipFamilyPolicy", policy, detail)
    seen: set[str] = set()
    for i, family in enumerate(spec.get("ipFamilies") or []):
        if family in seen:
            yield FieldProblem.duplicate(f"spec.ipFamilies[{i}]", family)
        elif family != "IPv4" and spec.get("selector"):
            yield FieldProblem.invalid(f"spec.ipFamilies[{i}]", family, "not configured on this cluster")
        seen.add(family)


def _exposure(spec: Object) -> Problems:
    """Find fields that are only valid for a Service that can be reached from outside."""
    policy = spec.get("externalTrafficPolicy")
    outside = _is_outside(spec) or bool(spec.get("externalIPs"))
    if policy and not outside:
        detail = "may only be set for externally-accessible services"
        yield FieldProblem.invalid("spec.externalTrafficPolicy", policy, detail)
    else:
        yield from names.one_of("spec.externalTrafficPolicy", policy, _POLICIES)
    balanced = spec["type"] == "LoadBalancer"
    if spec.get("healthCheckNodePort") and not (balanced and policy == "Local"):
        detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        yield FieldProblem.invalid("spec.healthCheckNodePort", spec["healthCheckNodePort"], detail)
    for name, shown in (
        ("loadBalancerClass", "loadBalancerClass"),
        ("loadBalancerSourceRanges", "LoadBalancerSourceRanges"),
    ):
        if spec.get(name) and not balanced:
            yield FieldProblem.forbidden(f"spec.{shown}", "may only be used when `type` is 'LoadBalancer'")
