"""Validates an object before it is stored. It finds every problem, not only the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from harness.kube.admission import names, pods
from harness.kube.admission.problems import FieldProblem
from harness.kube.api import Object
from harness.kube.selectors import matches_selector

Problems = Iterator[FieldProblem]

_IMMUTABLE = "field is immutable"
_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_SERVICE_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_STRATEGIES = ("Recreate", "RollingUpdate")


def validate(new: Object, old: Object | None = None) -> list[FieldProblem]:
    """Return all problems of an object whose defaults are set. ``old`` is the object that it replaces."""
    problems = list(names.metadata(new["kind"], new["metadata"]))
    if check := _CHECKS.get(new["kind"]):
        problems += check(new)
    if old is not None and (check_update := _UPDATES.get(new["kind"])):
        problems += check_update(old, new)
    return problems


def _pod(obj: Object) -> Problems:
    yield from pods.pod_spec(obj["spec"], "spec")


def _templated(obj: Object) -> Problems:
    spec = obj["spec"]
    yield from names.non_negative("spec.replicas", spec["replicas"])
    selector = spec.get("selector")
    template = spec.get("template")
    if not isinstance(template, dict) or not isinstance(template.get("spec"), dict):
        yield FieldProblem.required("spec.template.spec")
        return
    template_labels = (template.get("metadata") or {}).get("labels") or {}
    yield from names.labels("spec.template.metadata.labels", template_labels)
    if not selector:
        yield FieldProblem.required("spec.selector")
    elif not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield FieldProblem.invalid("spec.selector", selector, "empty selector is invalid for deployment")
    elif not matches_selector(selector, template_labels):
        detail = "`selector` does not match template `labels`"
        yield FieldProblem.invalid("spec.template.metadata.labels", template_labels, detail)
    yield from pods.pod_spec(template["spec"], "spec.template.spec")
    if template["spec"]["restartPolicy"] != "Always":
        policy = template["spec"]["restartPolicy"]
        yield FieldProblem.unsupported("spec.template.spec.restartPolicy", policy, ("Always",))


def _deployment(obj: Object) -> Problems:
    yield from _templated(obj)
    spec = obj["spec"]
    for name in ("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"):
        if name in spec:
            yield from names.non_negative(f"spec.{name}", spec[name])
    minimum = spec.get("minReadySeconds") or 0
    if spec["progressDeadlineSeconds"] <= minimum:
        yield FieldProblem.invalid(
            "spec.progressDeadlineSeconds",
            spec["progressDeadlineSeconds"],
            f"must be greater than minReadySeconds: {minimum}" if minimum else "must be greater than minReadySeconds",
        )
    strategy = spec["strategy"]
    if strategy["type"] not in _STRATEGIES:
        yield FieldProblem.unsupported("spec.strategy.type", strategy["type"], _STRATEGIES)
    rolling = strategy.get("rollingUpdate")
    if strategy["type"] == "Recreate" and rolling is not None:
        detail = "may not be specified when strategy `type` is 'Recreate'"
        yield FieldProblem.forbidden("spec.strategy.rollingUpdate", detail)
    elif rolling is not None:
        yield from _rolling(rolling)


def _rolling(rolling: Object) -> Problems:
    path = "spec.strategy.rollingUpdate"
    for name in ("maxUnavailable", "maxSurge"):
        yield from _amount(rolling[name], f"{path}.{name}")
    if rolling["maxUnavailable"] in {0, "0%"} and rolling["maxSurge"] in {0, "0%"}:
        detail = "may not be 0 when `maxSurge` is 0"
        yield FieldProblem.invalid(f"{path}.maxUnavailable", rolling["maxUnavailable"], detail)


def _amount(value: Any, path: str) -> Problems:
    if isinstance(value, str):
        number = value.removesuffix("%")
        if not value.endswith("%") or not number.isdigit():
            detail = "a valid percent string must be a numeric string followed by an ending '%'"
            yield FieldProblem.invalid(path, value, detail)
    else:
        yield from names.non_negative(path, value)


def _service(obj: Object) -> Problems:
    spec = obj["spec"]
    if spec["type"] not in _SERVICE_TYPES:
        yield FieldProblem.unsupported("spec.type", spec["type"], _SERVICE_TYPES)
    ports = spec.get("ports") or []
    if not ports and spec["type"] != "ExternalName" and spec.get("clusterIP") != "None":
        yield FieldProblem.required("spec.ports")
    seen: set[str] = set()
    for i, port in enumerate(ports):
        yield from names.port(f"spec.ports[{i}].port", port.get("port"))
        if isinstance(port.get("targetPort"), int):
            yield from names.port(f"spec.ports[{i}].targetPort", port["targetPort"])
        name = port.get("name") or ""
        if len(ports) > 1 and not name:
            yield FieldProblem.required(f"spec.ports[{i}].name")
        elif name in seen:
            yield FieldProblem.duplicate(f"spec.ports[{i}].name", name)
        seen.add(name)
    yield from names.labels("spec.selector", spec.get("selector") or {})


def _ingress(obj: Object) -> Problems:
    spec = obj["spec"]
    if not spec.get("rules") and not spec.get("defaultBackend"):
        detail = "either `defaultBackend` or `rules` must be specified"
        yield FieldProblem.invalid("spec", [], detail)
    if spec.get("defaultBackend"):
        yield from _backend(spec["defaultBackend"], "spec.defaultBackend")
    for i, rule in enumerate(spec.get("rules") or []):
        if rule.get("host"):
            yield from names.dns_subdomain(f"spec.rules[{i}].host", rule["host"].removeprefix("*."))
        if rule.get("http") is not None:
            yield from _paths(rule["http"].get("paths") or [], f"spec.rules[{i}].http.paths")


def _paths(paths: list[Object], field: str) -> Problems:
    if not paths:
        yield FieldProblem.required(field)
    for i, path in enumerate(paths):
        kind, text = path.get("pathType"), path.get("path") or ""
        if kind is None:
            yield FieldProblem.required(f"{field}[{i}].pathType", "pathType must be specified")
        elif kind not in _PATH_TYPES:
            yield FieldProblem.unsupported(f"{field}[{i}].pathType", kind, _PATH_TYPES)
        elif not text.startswith("/") and (text or kind != "ImplementationSpecific"):
            yield FieldProblem.invalid(f"{field}[{i}].path", text, "must be an absolute path")
        yield from _backend(path.get("backend") or {}, f"{field}[{i}].backend")


def _backend(backend: Object, field: str) -> Problems:
    service = backend.get("service")
    if service is None:
        if backend.get("resource") is None:
            yield FieldProblem.required(f"{field}.service", "service or resource backend is required")
        return
    if not service.get("name"):
        yield FieldProblem.required(f"{field}.service.name")
    port = service.get("port") or {}
    if port.get("number") is not None:
        yield from names.port(f"{field}.service.port.number", port["number"])
    elif not port.get("name"):
        yield FieldProblem.required(f"{field}.service.port", "port name or number is required")


def _endpointslice(obj: Object) -> Problems:
    if not obj.get("addressType"):
        yield FieldProblem.required("addressType")


def _same_selector(old: Object, new: Object) -> Problems:
    if old["spec"].get("selector") != new["spec"].get("selector"):
        yield FieldProblem.invalid("spec.selector", new["spec"].get("selector"), _IMMUTABLE)


def _same_cluster_ip(old: Object, new: Object) -> Problems:
    before, after = old["spec"].get("clusterIP"), new["spec"].get("clusterIP")
    if before and before != after and new["spec"]["type"] != "ExternalName":
        yield FieldProblem.invalid("spec.clusterIPs[0]", after, "may not change once set")


_CHECKS: Mapping[str, Callable[[Object], Problems]] = {
    "Pod": _pod,
    "Deployment": _deployment,
    "ReplicaSet": _templated,
    "Service": _service,
    "Ingress": _ingress,
    "EndpointSlice": _endpointslice,
}
_UPDATES: Mapping[str, Callable[[Object, Object], Problems]] = {
    "Pod": pods.pod_update,
    "Deployment": _same_selector,
    "ReplicaSet": _same_selector,
    "Service": _same_cluster_ip,
}
