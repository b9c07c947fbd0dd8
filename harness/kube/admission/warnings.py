"""Warnings of a real API server about objects that it accepts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from harness.kube.admission.quantities import parse
from harness.kube.api import Object
from harness.kube.ingresses import CLASS_ANNOTATION


def warnings(obj: Object) -> list[str]:
    """Return the warnings for an object, defaults filled in."""
    spec = obj.get("spec") or {}
    match obj["kind"]:
        case "Pod":
            return list(_pod(spec, "spec"))
        case "Deployment" | "ReplicaSet":
            pod = (spec.get("template") or {}).get("spec") or {}
            return [*_name(obj), *_grace(pod), *_pod(pod, "spec.template.spec")]
        case "Service":
            if spec.get("externalName") and spec["type"] != "ExternalName":
                return ['spec.externalName is ignored when spec.type is not "ExternalName"']
        case "Ingress":
            annotations = obj["metadata"].get("annotations") or {}
            if CLASS_ANNOTATION in annotations and not spec.get("ingressClassName"):
                return [f"annotation \"{CLASS_ANNOTATION}\" is deprecated, please use 'spec.ingressClassName' instead"]
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


@dataclass
class _Ports:
    """The ports of the containers so far.

    Attributes:
        numbers: (number, protocol) -> (path, host address, host port) of each port.
        names: Name -> path of the first port with this name.
    """

    numbers: dict[tuple[Any, Any], list[tuple[str, Any, Any]]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


def _pod(spec: Object, path: str) -> Iterator[str]:
    seen = _Ports()
    for kind in ("initContainers", "containers"):
        for i, container in enumerate(spec.get(kind) or []):
            where = f"{path}.{kind}[{i}]"
            yield from _fractions(container.get("resources") or {}, f"{where}.resources")
            yield from _variables(container, f"{where}.env")
            yield from _ports(container, f"{where}.ports", seen)
            if kind == "containers" or container.get("restartPolicy") == "Always":
                yield from _named_ports(container, f"{where}.ports", seen.names)


def _fractions(resources: Object, path: str) -> Iterator[str]:
    for side in ("limits", "requests"):
        for name in ("memory", "ephemeral-storage"):
            amount = (resources.get(side) or {}).get(name)
            if amount is not None and parse(amount) % 1:
                yield f'{path}.{side}[{name}]: fractional byte value "{amount}" is invalid, must be an integer'


def _variables(container: Object, path: str) -> Iterator[str]:
    seen: set[str] = set()
    for i, variable in enumerate(container.get("env") or []):
        name = variable.get("name", "")
        if name in seen:
            yield f'{path}[{i}]: hides previous definition of "{name}", which may be dropped when using apply'
        seen.add(name)


def _ports(container: Object, path: str, seen: _Ports) -> Iterator[str]:
    for i, port in enumerate(container.get("ports") or []):
        where = f"{path}[{i}]"
        same = seen.numbers.setdefault((port.get("containerPort"), port.get("protocol")), [])
        host = (port.get("hostIP"), port.get("hostPort"))
        for place, address, number in same:
            if host == (address, number):
                yield f"{where}: duplicate port definition with {place}"
            elif not host[1] or not number:
                yield f"{where}: overlapping port definition with {place}"
            elif host[1] == number and (not host[0]) != (not address):
                yield f"{where}: dangerously ambiguous port definition with {place}"
        same.append((where, *host))


def _named_ports(container: Object, path: str, seen: dict[str, str]) -> Iterator[str]:
    for i, port in enumerate(container.get("ports") or []):
        where, name = f"{path}[{i}]", port.get("name")
        if name and name in seen:
            first = seen[name]
            text = f"services and probes that select ports by name will use {first}"
            yield f'{where}: duplicate port name "{name}" with {first}, {text}'
        elif name:
            seen[name] = where
