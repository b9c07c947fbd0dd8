"""Further fields of a container: environment, resources, mounts, and what only sidecars may have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from harness.kube.admission import names, quantities
from harness.kube.admission.problems import FieldProblem
from harness.kube.api import Object

Problems = Iterator[FieldProblem]

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_MESSAGES = ("File", "FallbackToLogsOnError")
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef")
_SOURCE_NAMES = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
_FIELD_PATH = re.compile(
    r"metadata\.(name|namespace|uid|labels\['.+'\]|annotations\['.+'\]|labels|annotations)"
    r"|spec\.(nodeName|serviceAccountName)|status\.(hostIP|hostIPs|podIP|podIPs)"
)
_AMOUNTS = tuple(f"{side}.{name}" for side in ("limits", "requests") for name in ("cpu", "ephemeral-storage", "memory"))
_STANDARD = frozenset({"cpu", "memory", "ephemeral-storage"})
_SIDECAR_ONLY = ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe")
_RESIZE = ("NotRequired", "RestartContainer")


def container_fields(container: Object, path: str, *, initial: bool) -> Problems:
    """Find the problems of a container, except those of its name, image, ports, probes and hooks.

    Args:
        container: The container, defaults filled in.
        path: Its path.
        initial: True for an init container.
    """
    yield from names.one_of(f"{path}.terminationMessagePolicy", container.get("terminationMessagePolicy"), _MESSAGES)
    for i, variable in enumerate(container.get("env") or []):
        yield from _variable(variable, f"{path}.env[{i}]")
    for i, source in enumerate(container.get("envFrom") or []):
        yield from _env_from(source, f"{path}.envFrom", i)
    yield from _resources(container.get("resources") or {}, f"{path}.resources")
    for policy in container.get("resizePolicy") or []:
        yield from names.one_of(f"{path}.resizePolicy", policy.get("restartPolicy"), _RESIZE)
    yield from _mounts(container.get("volumeMounts") or [], f"{path}.volumeMounts")
    user = (container.get("securityContext") or {}).get("runAsUser")
    yield from names.identity(f"{path}.securityContext.runAsUser", user)
    if initial and container.get("restartPolicy") != "Always":
        for name in _SIDECAR_ONLY:
            if container.get(name) is not None:
                detail = "may not be set for init containers without restartPolicy=Always"
                yield FieldProblem.forbidden(f"{path}.{name}", detail)


def _env_from(source: Object | None, path: str, number: int) -> Problems:
    given = [name for name in ("configMapRef", "secretRef") if (source or {}).get(name) is not None]
    if not given:
        yield FieldProblem.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`")
    elif len(given) > 1:
        yield FieldProblem.invalid(path, "", "may not have more than one field specified at a time")
    for name in given:
        if not (source or {})[name].get("name"):
            yield FieldProblem.required(f"{path}[{number}].{name}.name")


def port_fields(port: Object, path: str) -> Problems:
    """Find the problems of a port of a container, except those of its number."""
    if port.get("name"):
        yield from names.port_name(f"{path}.name", port["name"])
    if port.get("hostPort"):
        yield from names.port(f"{path}.hostPort", port["hostPort"])
    yield from names.one_of(f"{path}.protocol", port.get("protocol"), _PROTOCOLS)


def _variable(variable: Object, path: str) -> Problems:
    name = variable.get("name")
    if not name:
        yield FieldProblem.required(f"{path}.name")
    elif not re.fullmatch(r"[ -<>-~]+", name):
        detail = "a valid environment variable name must consist only of printable ASCII characters other than '='"
        yield FieldProblem.invalid(f"{path}.name", name, detail)
    source = variable.get("valueFrom")
    if source is None:
        return
    path = f"{path}.valueFrom"
    given = [name for name in _SOURCES if source.get(name) is not None]
    if not given:
        yield FieldProblem.invalid(path, "", _SOURCE_NAMES)
    elif variable.get("value"):
        yield FieldProblem.invalid(path, "", "may not be specified when `value` is not empty")
    elif len(given) > 1:
        yield FieldProblem.invalid(path, "", "may not have more than one field specified at a time")
    for name in given:
        yield from _source(name, source[name], f"{path}.{name}")


def _source(name: str, source: Object, path: str) -> Problems:
    match name:
        case "fieldRef":
            field = source.get("fieldPath")
            version = source.get("apiVersion", "v1")
            if not field:
                yield FieldProblem.required(f"{path}.fieldPath")
            elif version != "v1":
                detail = f"error converting fieldPath: unsupported pod version: {version}"
                yield FieldProblem.invalid(f"{path}.fieldPath", field, detail)
            elif not _FIELD_PATH.fullmatch(field):
                detail = f"error converting fieldPath: field label not supported: {field}"
                yield FieldProblem.invalid(f"{path}.fieldPath", field, detail)
        case "resourceFieldRef":
            yield from names.one_of(f"{path}.resource", source.get("resource"), _AMOUNTS)
        case _:
            if not source.get("key"):
                yield FieldProblem.required(f"{path}.key")
            else:
                yield from names.config_key(f"{path}.key", source["key"])


def _resources(resources: Object, path: str) -> Problems:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for side, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            yield from _amount(name, amount, f"{path}.{side}[{name}]")
    for name, amount in requests.items():
        if "/" in name and name not in limits:
            yield FieldProblem.required(f"{path}.limits", "Limit must be set for non overcommitable resources")
        elif name in limits and quantities.parse(amount) > quantities.parse(limits[name]):
            detail = f"must be less than or equal to {name} limit of {limits[name]}"
            yield FieldProblem.invalid(f"{path}.requests", amount, detail)
    for i, claim in enumerate(resources.get("claims") or []):
        detail = "must be one of the names in pod.spec.resourceClaims which is empty"
        text = f'Not found: "{claim.get("name")}": {detail}'
        yield FieldProblem(f"{path}.claims[{i}]", "FieldValueNotFound", text)


def _amount(name: str, amount: Any, path: str) -> Problems:
    if name not in _STANDARD and "/" not in name and not name.startswith("hugepages-"):
        for detail in (
            "must be a standard resource type or fully qualified",
            "must be a standard resource for containers",
        ):
            yield FieldProblem.invalid(path, name, detail)
    value = quantities.parse(amount)
    if value < 0:
        yield FieldProblem.invalid(path, str(amount), "must be greater than or equal to 0")
    elif "/" in name and value != value.to_integral_value():
        yield FieldProblem.invalid(path, str(amount), "must be an integer")


def _mounts(mounts: list[Object], path: str) -> Problems:
    seen: set[str] = set()
    for i, mount in enumerate(mounts):
        where = mount.get("mountPath")
        if not mount.get("name"):
            yield FieldProblem.required(f"{path}[{i}].name")
        if not where:
            yield FieldProblem.required(f"{path}[{i}].mountPath")
        elif where in seen:
            yield FieldProblem.invalid(f"{path}[{i}].mountPath", where, "must be unique")
        else:
            seen.add(where)
