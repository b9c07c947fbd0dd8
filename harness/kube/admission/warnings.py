"""Warnings of a real API server: what it takes, and what its user should know of it."""

from __future__ import annotations

from collections.abc import Iterator

from harness.kube.api import Object


def warnings(obj: Object) -> list[str]:
    """Return the warnings for an object, defaults filled in."""
    spec = obj.get("spec") or {}
    match obj["kind"]:
        case "Pod":
            return list(_pod(spec, "spec"))
        case "Deployment" | "ReplicaSet":
            pod = (spec.get("template") or {}).get("spec") or {}
            return [*_name(obj), *_grace(pod), *_pod(pod, "spec.template.spec")]
        case "Ingress":
            old = "kubernetes.io/ingress.class"
            if old in (obj["metadata"].get("annotations") or {}) and not spec.get("ingressClassName"):
                return [f"annotation \"{old}\" is deprecated, please use 'spec.ingressClassName' instead"]
    return []


def _name(obj: Object) -> Iterator[str]:
    if "." in obj["metadata"].get("name", ""):
        yield (
            "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; "
            "a DNS label is recommended: [must not contain dots]"
        )


def _grace(pod: Object) -> Iterator[str]:
    if pod.get("terminationGracePeriodSeconds", 0) < 0:
        path = "spec.template.spec.terminationGracePeriodSeconds"
        yield f"{path}: must be >= 0; negative values are invalid and will be treated as 1"


def _pod(spec: Object, path: str) -> Iterator[str]:
    named: dict[str, str] = {}
    for i, container in enumerate(spec.get("containers") or []):
        yield from _variables(container, f"{path}.containers[{i}].env")
        yield from _ports(container, f"{path}.containers[{i}].ports", named)


def _variables(container: Object, path: str) -> Iterator[str]:
    seen: set[str] = set()
    for i, variable in enumerate(container.get("env") or []):
        name = variable.get("name", "")
        if name in seen:
            yield f'{path}[{i}]: hides previous definition of "{name}", which may be dropped when using apply'
        seen.add(name)


def _ports(container: Object, path: str, named: dict[str, str]) -> Iterator[str]:
    seen: dict[tuple[object, object], str] = {}
    for i, port in enumerate(container.get("ports") or []):
        where, number = f"{path}[{i}]", (port.get("containerPort"), port.get("protocol"))
        if number in seen:
            yield f"{where}: duplicate port definition with {seen[number]}"
        seen.setdefault(number, where)
        name = port.get("name")
        if name and name in named:
            first = named[name]
            text = f"services and probes that select ports by name will use {first}"
            yield f'{where}: duplicate port name "{name}" with {first}, {text}'
        elif name:
            named[name] = where
