"""Validate an Ingress as a real API server does, with its field paths and messages."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from harness.kube.admission import names
from harness.kube.admission.problems import FieldProblem
from harness.kube.api import Object

Problems = Iterator[FieldProblem]

_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
#: Parts that a path of type ``Exact`` or ``Prefix`` may not have.
_NOT_WITHIN = ("//", "/./", "/../", "%2f", "%2F")
_NOT_AT_END = ("/..", "/.")


def ingress(obj: Object) -> Problems:
    """Find the problems of an Ingress."""
    spec = obj["spec"]
    if not spec.get("rules") and spec.get("defaultBackend") is None:
        detail = "either `defaultBackend` or `rules` must be specified"
        yield FieldProblem.invalid("spec", spec.get("rules"), detail)
    if spec.get("defaultBackend") is not None:
        yield from _backend(spec["defaultBackend"], "spec.defaultBackend")
    for i, rule in enumerate(spec.get("rules") or []):
        if rule.get("host"):
            yield from _host(rule["host"], f"spec.rules[{i}].host")
        if rule.get("http") is not None:
            yield from _paths(rule["http"].get("paths") or [], f"spec.rules[{i}].http.paths")
    if spec.get("ingressClassName") is not None:
        yield from names.dns_subdomain("spec.ingressClassName", spec["ingressClassName"])
    for i, secured in enumerate(spec.get("tls") or []):
        for j, host in enumerate(secured.get("hosts") or []):
            yield from names.host(f"spec.tls[{i}].hosts[{j}]", host)
        if secured.get("secretName"):
            yield from names.dns_subdomain(f"spec.tls[{i}].secretName", secured["secretName"])


def _host(host: str, field: str) -> Problems:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        yield from names.host(field, host)
    else:
        yield FieldProblem.invalid(field, host, "must be a DNS name, not an IP address")


def _paths(paths: list[Object], field: str) -> Problems:
    if not paths:
        yield FieldProblem.required(field)
    for i, path in enumerate(paths):
        kind, text = path.get("pathType"), path.get("path") or ""
        if kind is None:
            yield FieldProblem.required(f"{field}[{i}].pathType", "pathType must be specified")
            continue
        if kind not in _PATH_TYPES:
            yield FieldProblem.unsupported(f"{field}[{i}].pathType", kind, _PATH_TYPES)
        elif not text.startswith("/") and (text or kind != "ImplementationSpecific"):
            yield FieldProblem.invalid(f"{field}[{i}].path", text, "must be an absolute path")
        elif kind != "ImplementationSpecific":
            yield from _plain(text, f"{field}[{i}].path")
        yield from _backend(path.get("backend") or {}, f"{field}[{i}].backend")


def _plain(text: str, field: str) -> Problems:
    """Find the problems of a path of type ``Exact`` or ``Prefix``, which is compared character by character."""
    for part in _NOT_WITHIN:
        if part in text:
            yield FieldProblem.invalid(field, text, f"must not contain '{part}'")
    for part in _NOT_AT_END:
        if text.endswith(part):
            yield FieldProblem.invalid(field, text, f"cannot end with '{part}'")


def _backend(backend: Object, field: str) -> Problems:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        yield FieldProblem.invalid(field, "", "cannot set both resource and service backends")
    elif resource is not None:
        for name in ("kind", "name"):
            if not resource.get(name):
                yield FieldProblem.required(f"{field}.resource.{name}")
    elif service is None:
        yield FieldProblem.invalid(field, "", "resource or service backend is required")
    else:
        yield from _service(service, field)


def _service(service: Object, field: str) -> Problems:
    if not service.get("name"):
        yield FieldProblem.required(f"{field}.service.name")
    else:
        yield from names.dns_1035_label(f"{field}.service.name", service["name"])
    port = service.get("port") or {}
    if port.get("number") and port.get("name"):
        yield FieldProblem.invalid(field, "", "cannot set both port name & port number")
    elif port.get("number"):
        yield from names.port(f"{field}.service.port.number", port["number"])
    elif port.get("name"):
        yield from names.port_name(f"{field}.service.port.name", port["name"])
    else:
        yield FieldProblem.required(field, "port name or number is required")
