"""Fields of a pod's spec that belong to no container: its placement, names, users and volumes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from harness.kube.admission import names, quantities
from harness.kube.admission.problems import FieldProblem
from harness.kube.api import Object

Problems = Iterator[FieldProblem]

_DNS = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_SYSTEMS = ("linux", "windows")
_SPREAD = ("DoNotSchedule", "ScheduleAnyway")
_OPERATORS = ("Equal", "Exists")
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_NAMED = ("nodeName", "serviceAccountName")


def pod_fields(spec: Object, path: str) -> Problems:
    """Find the problems of the fields of a pod's spec that belong to no container."""
    yield from names.one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy"), _DNS)
    if spec.get("dnsPolicy") == "None" and not spec.get("dnsConfig"):
        yield FieldProblem.required(f"{path}.dnsConfig", "must provide `dnsConfig` when `dnsPolicy` is None")
    for name in _NAMED:
        if spec.get(name):
            yield from names.dns_subdomain(f"{path}.{name}", spec[name])
    if spec.get("hostname"):
        yield from names.dns_label(f"{path}.hostname", spec["hostname"])
    if "." in (spec.get("subdomain") or ""):
        yield FieldProblem.invalid(f"{path}.subdomain", spec["subdomain"], "must not contain dots")
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= 2147483647:
        detail = "must be between 1 and 2147483647, inclusive"
        yield FieldProblem.invalid(f"{path}.activeDeadlineSeconds", deadline, detail)
    yield from _identities(spec.get("securityContext") or {}, f"{path}.securityContext")
    yield from names.labels(f"{path}.nodeSelector", spec.get("nodeSelector") or {})
    yield from names.one_of(f"{path}.os", (spec.get("os") or {}).get("name"), _SYSTEMS)
    yield from _gates_and_aliases(spec, path)
    yield from _tolerations(spec.get("tolerations") or [], f"{path}.tolerations")
    yield from _spread(spec.get("topologySpreadConstraints") or [], f"{path}.topologySpreadConstraints")
    yield from _weights(spec.get("affinity") or {}, f"{path}.affinity")
    yield from _volumes(spec.get("volumes") or [], f"{path}.volumes")
    if spec.get("hostNetwork"):
        yield from _host_ports(spec, path)


def _gates_and_aliases(spec: Object, path: str) -> Problems:
    for i, gate in enumerate(spec.get("readinessGates") or []):
        yield from names.label_key(f"{path}.readinessGates[{i}].conditionType", gate.get("conditionType") or "")
    for i, alias in enumerate(spec.get("hostAliases") or []):
        yield from names.ip_address(f"{path}.hostAliases[{i}].ip", alias.get("ip") or "")


def _identities(security: Object, path: str) -> Problems:
    for name in ("runAsUser", "runAsGroup", "fsGroup"):
        yield from names.identity(f"{path}.{name}", security.get(name))
    for i, group in enumerate(security.get("supplementalGroups") or []):
        yield from names.identity(f"{path}.supplementalGroups[{i}]", group)


def template_fields(spec: Object, path: str) -> Problems:
    """Find fields that a template of pods may not have, although a pod may."""
    if spec.get("activeDeadlineSeconds") is not None:
        detail = "activeDeadlineSeconds in ReplicaSet is not Supported"
        yield FieldProblem.forbidden(f"{path}.activeDeadlineSeconds", detail)
    if spec.get("ephemeralContainers"):
        detail = "ephemeral containers not allowed in pod template"
        yield FieldProblem.forbidden(f"{path}.ephemeralContainers", detail)


def _tolerations(tolerations: list[Object], path: str) -> Problems:
    for i, each in enumerate(tolerations):
        operator = each.get("operator") or "Equal"
        if operator == "Exists" and each.get("value"):
            detail = "value must be empty when `operator` is 'Exists'"
            yield FieldProblem.invalid(f"{path}[{i}].operator", each["value"], detail)
        yield from names.one_of(f"{path}[{i}].operator", operator, _OPERATORS)
        if not each.get("key") and operator != "Exists":
            detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            yield FieldProblem.invalid(f"{path}[{i}].operator", operator, detail)
        yield from names.one_of(f"{path}[{i}].effect", each.get("effect") or None, _EFFECTS)
        if each.get("tolerationSeconds") is not None and each.get("effect") != "NoExecute":
            detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            yield FieldProblem.invalid(f"{path}[{i}].effect", each.get("effect") or "", detail)


def _spread(constraints: list[Object], path: str) -> Problems:
    for i, each in enumerate(constraints):
        if each.get("maxSkew", 0) <= 0:
            yield FieldProblem.invalid(f"{path}[{i}].maxSkew", each.get("maxSkew", 0), "must be greater than zero")
        if not each.get("topologyKey"):
            yield FieldProblem.required(f"{path}[{i}].topologyKey", "can not be empty")
        yield from names.one_of(f"{path}[{i}].whenUnsatisfiable", each.get("whenUnsatisfiable") or "", _SPREAD)


def _weights(affinity: Object, path: str) -> Problems:
    name = "preferredDuringSchedulingIgnoredDuringExecution"
    for kind, rules in affinity.items():
        for i, each in enumerate((rules or {}).get(name) or []):
            if not 1 <= each.get("weight", 0) <= 100:
                detail = "must be in the range 1-100"
                yield FieldProblem.invalid(f"{path}.{kind}.{name}[{i}].weight", each.get("weight", 0), detail)


def _volumes(volumes: list[Object], path: str) -> Problems:
    seen: set[Any] = set()
    for i, volume in enumerate(volumes):
        name = volume.get("name")
        if not name:
            yield FieldProblem.required(f"{path}[{i}].name")
        elif name in seen:
            yield FieldProblem.duplicate(f"{path}[{i}].name", name)
        else:
            yield from names.dns_label(f"{path}[{i}].name", name)
        seen.add(name)
        sources = sorted((key for key in volume if key != "name"), key=lambda key: (key != "emptyDir", key))
        for extra in sources[1:]:
            yield FieldProblem.forbidden(f"{path}[{i}].{extra}", "may not specify more than 1 volume type")
        limit = (volume.get("emptyDir") or {}).get("sizeLimit")
        if limit is not None and quantities.parse(limit) < 0:
            detail = "SizeLimit field must be a valid resource quantity"
            yield FieldProblem.forbidden(f"{path}[{i}].emptyDir.sizeLimit", detail)
        if sources[:1] == ["hostPath"] and not volume["hostPath"].get("path"):
            yield FieldProblem.required(f"{path}[{i}].hostPath.path")
        if sources[:1] == ["configMap"] and not volume["configMap"].get("name"):
            yield FieldProblem.required(f"{path}[{i}].configMap.name")


def _host_ports(spec: Object, path: str) -> Problems:
    for i, container in enumerate(spec.get("containers") or []):
        for j, port in enumerate(container.get("ports") or []):
            if port.get("hostPort") and port["hostPort"] != port.get("containerPort"):
                detail = "must match `containerPort` when `hostNetwork` is true"
                yield FieldProblem.invalid(f"{path}.containers[{i}].ports[{j}].hostPort", port["hostPort"], detail)
