"""Choose the endpoints that a connection to a Service may go to, by kube-proxy's rules. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from harness.kit.backends import Address, Backends
from harness.localkube.machinery.objects import Object

_AFFINITY = "sessionAffinity ClientIP requires that every client has its own address, but clients here share one"


def backends_of(service: Object, slices: Iterable[Object], port: str | None = None) -> Backends:
    """Return the backends to program for a Service: the eligible endpoints of one of its ports.

    Ready endpoints are eligible. If there are none, terminating endpoints that still serve are (KEP-1669).

    Args:
        service: The Service.
        slices: Its EndpointSlices.
        port: Name of the port; its first one if not given.
    """
    spec = service["spec"]
    ports = spec.get("ports") or []
    if spec.get("type") == "ExternalName" or not ports:
        return Backends(refusal="it has the type ExternalName or no port")
    if spec.get("clusterIP") == "None":
        return Backends(refusal="it is headless: its clients resolve the pods themselves, without kube-proxy")
    if spec.get("sessionAffinity") == "ClientIP":
        return Backends(refusal=_AFFINITY)
    first = ports[0].get("name") or ""
    found = [pair for piece in slices for pair in _endpoints(piece, first if port is None else port)]
    ready = [address for address, conditions in found if _says(conditions, "ready")]
    serving = [
        address
        for address, conditions in found
        if _says(conditions, "serving") and conditions.get("terminating") is True
    ]
    return Backends(tuple(sorted(dict.fromkeys(ready or serving))))


def port_map(service: Object) -> Mapping[str, Any]:
    """Return the part of a Service that kube-proxy programs, which does not include the selector."""
    return {name: value for name, value in service["spec"].items() if name != "selector"}


def _endpoints(piece: Object, port: str) -> Iterable[tuple[Address, Mapping[str, Any]]]:
    number = next((p.get("port") for p in piece.get("ports") or [] if (p.get("name") or "") == port), None)
    if number is None:
        return
    for endpoint in piece.get("endpoints") or []:
        if endpoint.get("addresses"):
            yield (str(endpoint["addresses"][0]), int(number)), endpoint.get("conditions") or {}


def _says(conditions: Mapping[str, Any], name: str) -> bool:
    """Return True unless the condition is False; an absent condition counts as true."""
    return conditions.get(name) is not False
