"""Validates an object before it is stored. It finds every problem, not only the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from harness.kube.admission import ingresses, names, pods, services
from harness.kube.admission.podfields import template_fields
from harness.kube.admission.problems import FieldProblem
from harness.kube.api import Object
from harness.kube.selectors import matches_selector
from harness.kube.shares import percent_of

Problems = Iterator[FieldProblem]

_PERCENT_HELP = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for "
    "validation is '[0-9]+%')"
)
_IMMUTABLE = "field is immutable"
_ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_UNHEALTHY_POLICIES = ("AlwaysAllow", "IfHealthyBudget")
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
    for name in ("replicas", "minReadySeconds"):
        if name in spec:
            yield from names.non_negative(f"spec.{name}", spec[name])
    selector, template = spec.get("selector"), spec.get("template") or {}
    template_meta = template.get("metadata") or {}
    template_labels = template_meta.get("labels")
    usable = False
    if selector is None:
        yield FieldProblem.required("spec.selector")
    else:
        wrong = list(_selector(selector))
        yield from wrong
        usable = not wrong
        if not selector.get("matchLabels") and not selector.get("matchExpressions"):
            yield FieldProblem.invalid("spec.selector", selector, "empty selector is invalid for deployment")
            usable = False
        if wrong:
            # A real server checks the template against the selector; without a valid one, it skips the template.
            yield FieldProblem.invalid("spec.selector", selector, "invalid label selector")
            return
    if selector is None or (usable and not matches_selector(selector, template_labels or {})):
        detail = "`selector` does not match template `labels`"
        yield FieldProblem.invalid("spec.template.metadata.labels", template_labels, detail)
    yield from names.labels("spec.template.labels", template_labels or {})
    for key in template_meta.get("annotations") or {}:
        yield from names.annotation_key("spec.template.annotations", key)
    spec = template.get("spec") or {}
    if not spec:
        yield FieldProblem.required("spec.template.spec.containers")
        return
    yield from pods.pod_spec(spec, "spec.template.spec")
    yield from template_fields(spec, "spec.template.spec")
    if spec["restartPolicy"] != "Always":
        yield FieldProblem.unsupported("spec.template.spec.restartPolicy", spec["restartPolicy"], ("Always",))


def _selector(selector: Object) -> Problems:
    """Find the problems of a label selector."""
    yield from names.labels("spec.selector.matchLabels", selector.get("matchLabels") or {})
    for i, each in enumerate(selector.get("matchExpressions") or []):
        path, operator = f"spec.selector.matchExpressions[{i}]", each.get("operator")
        if operator in {"In", "NotIn"} and not each.get("values"):
            detail = "must be specified when `operator` is 'In' or 'NotIn'"
            yield FieldProblem.required(f"{path}.values", detail)
        elif operator in {"Exists", "DoesNotExist"} and each.get("values"):
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            yield FieldProblem.forbidden(f"{path}.values", detail)
        elif operator not in {"In", "NotIn", "Exists", "DoesNotExist"}:
            yield FieldProblem.invalid(f"{path}.operator", operator or "", "not a valid selector operator")
        yield from names.label_key(f"{path}.key", each.get("key") or "")
        for j, value in enumerate(each.get("values") or []):
            yield from names.label_value(f"{path}.values[{j}]", value)


def _deployment(obj: Object) -> Problems:
    yield from _templated(obj)
    spec = obj["spec"]
    for name in ("revisionHistoryLimit", "progressDeadlineSeconds"):
        if name in spec:
            yield from names.non_negative(f"spec.{name}", spec[name])
    minimum = spec.get("minReadySeconds") or 0
    if spec["progressDeadlineSeconds"] <= minimum:
        yield FieldProblem.invalid(
            "spec.progressDeadlineSeconds",
            spec["progressDeadlineSeconds"],
            "must be greater than minReadySeconds",
        )
    strategy = spec["strategy"]
    if strategy["type"] not in _STRATEGIES:
        shown = f'{{"Type":"{strategy["type"]}","RollingUpdate":null}}'
        listed = ", ".join(f'"{name}"' for name in _STRATEGIES)
        text = f"Unsupported value: {shown}: supported values: {listed}"
        yield FieldProblem("spec.strategy", "FieldValueNotSupported", text)
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
    yield from _at_most_all(rolling["maxUnavailable"], f"{path}.maxUnavailable")
    if _is_nothing(rolling["maxUnavailable"]) and _is_nothing(rolling["maxSurge"]):
        detail = "may not be 0 when `maxSurge` is 0"
        yield FieldProblem.invalid(f"{path}.maxUnavailable", rolling["maxUnavailable"], detail)


def _is_nothing(value: Any) -> bool:
    """Return True for 0 and 0 %, and for a text that is no percentage: a real server reads it as 0."""
    return not percent_of(value) if isinstance(value, str) else bool(value == 0)


def _amount(value: Any, path: str) -> Problems:
    if not isinstance(value, str):
        yield from names.non_negative(path, value)
    elif percent_of(value) is None:
        yield FieldProblem.invalid(path, value, _PERCENT_HELP)


def _endpointslice(obj: Object) -> Problems:
    kind = obj.get("addressType")
    if not kind:
        yield FieldProblem.required("addressType")
    else:
        yield from names.one_of("addressType", kind, _ADDRESS_TYPES)
    for i, endpoint in enumerate(obj.get("endpoints") or []):
        path = f"endpoints[{i}].addresses"
        if not endpoint.get("addresses"):
            yield FieldProblem.required(path, "must contain at least 1 address")
        for j, address in enumerate(endpoint.get("addresses") or []):
            if kind == "IPv4":
                # A real server refuses addresses of the loopback range. Here all pods have such addresses.
                yield from names.ip_address(f"{path}[{j}]", address)
            elif kind == "IPv6" and ":" not in address:
                yield FieldProblem.invalid(path, address, "must be an IPv6 address")
    seen: set[str] = set()
    for i, port in enumerate(obj.get("ports") or []):
        name = port.get("name") or ""
        if name in seen:
            yield FieldProblem.duplicate(f"ports[{i}].name", name)
        elif name:
            yield from names.dns_label(f"ports[{i}].name", name)
        seen.add(name)
        yield from names.one_of(f"ports[{i}].protocol", port.get("protocol"), _PROTOCOLS)


def _configmap(obj: Object) -> Problems:
    for field in ("data", "binaryData"):
        for key in obj.get(field) or {}:
            yield from names.config_key(f"{field}[{key}]", key)
    for key in sorted((obj.get("data") or {}).keys() & (obj.get("binaryData") or {}).keys()):
        yield FieldProblem.invalid(f"data[{key}]", key, "duplicate of key present in binaryData")


def _secret(obj: Object) -> Problems:
    data = obj.get("data") or {}
    for key in data:
        yield from names.config_key(f"data[{key}]", key)
    account = "kubernetes.io/service-account.name"
    if obj.get("type") == "kubernetes.io/service-account-token" and not (obj["metadata"].get("annotations") or {}).get(
        account
    ):
        yield FieldProblem.required(f"metadata.annotations[{account}]")
    if obj.get("type") == "kubernetes.io/basic-auth" and not data.keys() & {"username", "password"}:
        for key in ("username", "password"):
            yield FieldProblem.required(f"data[{key}]")
    if obj.get("type") == "kubernetes.io/tls":
        for key in ("tls.crt", "tls.key"):
            if key not in data:
                yield FieldProblem.required(f"data[{key}]")


def _budget(obj: Object) -> Problems:
    spec = obj["spec"]
    fewest, most, selector = spec.get("minAvailable"), spec.get("maxUnavailable"), spec.get("selector")
    if fewest is not None and most is not None:
        shown = {
            "MinAvailable": fewest,
            "Selector": selector,
            "MaxUnavailable": most,
            "UnhealthyPodEvictionPolicy": spec.get("unhealthyPodEvictionPolicy"),
        }
        yield FieldProblem.invalid("spec", shown, "minAvailable and maxUnavailable cannot be both set")
    for path, value in (("spec.minAvailable", fewest), ("spec.maxUnavailable", most)):
        if value is not None:
            yield from _amount(value, path)
            yield from _at_most_all(value, path)
    if selector is not None:
        yield from _selector(selector)
    policy = spec.get("unhealthyPodEvictionPolicy")
    if policy is not None:
        yield from names.one_of("spec.unhealthyPodEvictionPolicy", policy, _UNHEALTHY_POLICIES)


def _at_most_all(value: Any, path: str) -> Problems:
    if (percent_of(value) or 0) > 100:
        yield FieldProblem.invalid(path, value, "must not be greater than 100%")


def _same_selector(old: Object, new: Object) -> Problems:
    if old["spec"].get("selector") != new["spec"].get("selector"):
        yield FieldProblem.invalid("spec.selector", new["spec"].get("selector"), _IMMUTABLE)


def _immutable(old: Object, new: Object) -> Problems:
    """Refuse changes of a ConfigMap or Secret that says that it is immutable."""
    if not old.get("immutable"):
        return
    detail = "field is immutable when `immutable` is set"
    for name in ("immutable", "data", "binaryData"):
        if (old.get(name) or None) != (new.get(name) or None):
            yield FieldProblem.forbidden(name, detail)


def _same_secret(old: Object, new: Object) -> Problems:
    if old.get("type") != new.get("type"):
        yield FieldProblem.invalid("type", new.get("type"), _IMMUTABLE)
    yield from _immutable(old, new)


def _same_cluster_ip(old: Object, new: Object) -> Problems:
    before, after = old["spec"].get("clusterIP"), new["spec"].get("clusterIP")
    if before and before != after and new["spec"]["type"] != "ExternalName":
        yield FieldProblem.invalid("spec.clusterIPs[0]", after, "may not change once set")


def _autoscaler(obj: Object) -> Problems:
    spec = obj["spec"]
    smallest, largest = spec["minReplicas"], spec.get("maxReplicas", 0)
    if smallest < 1:
        yield FieldProblem.invalid("spec.minReplicas", smallest, "must be greater than or equal to 1")
    if largest < 1:
        yield FieldProblem.invalid("spec.maxReplicas", largest, "must be greater than 0")
    if largest < smallest:
        yield FieldProblem.invalid("spec.maxReplicas", largest, "must be greater than or equal to `minReplicas`")
    if smallest == 0 and not any(each.get("type") in {"Object", "External"} for each in spec["metrics"]):
        detail = "must specify at least one Object or External metric to support scaling to zero replicas"
        yield FieldProblem.forbidden("spec.metrics", detail)


_CHECKS: Mapping[str, Callable[[Object], Problems]] = {
    "Pod": _pod,
    "Deployment": _deployment,
    "ReplicaSet": _templated,
    "Service": services.service,
    "Ingress": ingresses.ingress,
    "ConfigMap": _configmap,
    "Secret": _secret,
    "EndpointSlice": _endpointslice,
    "PodDisruptionBudget": _budget,
    "HorizontalPodAutoscaler": _autoscaler,
}
_UPDATES: Mapping[str, Callable[[Object, Object], Problems]] = {
    "Pod": pods.pod_update,
    "Deployment": _same_selector,
    "ReplicaSet": _same_selector,
    "ConfigMap": _immutable,
    "Secret": _same_secret,
    "Service": _same_cluster_ip,
}
