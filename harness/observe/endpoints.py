"""Tracks the endpoints of each Service from its EndpointSlices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.kube.api import Object, Objects
from harness.model.timeline import Event, EventKind
from harness.observe.event_time import Observation

_SERVICE = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The endpoints of a Service as ``ip:port``, by state."""

    ready: frozenset[str] = frozenset()
    terminating: frozenset[str] = frozenset()
    unready: frozenset[str] = frozenset()

    @property
    def ready_addresses(self) -> frozenset[str]:
        """Return the IP addresses of the ready endpoints."""
        return frozenset(target.rpartition(":")[0] for target in self.ready)

    def __or__(self, other: Endpoints) -> Endpoints:
        """Return the endpoints of both."""
        return Endpoints(self.ready | other.ready, self.terminating | other.terminating, self.unready | other.unready)


class EndpointTracker:
    """Tracks the EndpointSlices of a namespace by Service, as a ``harness.observe.tracker.Tracker``.

    Attributes:
        services: Service -> its endpoints.
        ready_changed: Service -> time of the last change of its ready endpoints. An ingress controller must follow it.
    """

    def __init__(self) -> None:
        self.services: dict[str, Endpoints] = {}
        self.ready_changed: dict[str, int] = {}
        self._slices: dict[str, Object] = {}

    def listed(self, objects: Objects, observation: Observation) -> Iterator[Event]:
        """Take in all slices."""
        services = {*map(_service, objects), *map(_service, self._slices.values())}
        self._slices = {one["metadata"]["name"]: one for one in objects}
        for service in sorted(services):
            yield from self._compare(service, observation)

    def changed(self, obj: Object, observation: Observation) -> Iterator[Event]:
        """Take in a new or changed slice."""
        self._slices[obj["metadata"]["name"]] = obj
        yield from self._compare(_service(obj), observation)

    def deleted(self, obj: Object, observation: Observation) -> Iterator[Event]:
        """Remove a deleted slice."""
        self._slices.pop(obj["metadata"]["name"], None)
        yield from self._compare(_service(obj), observation)

    def _compare(self, service: str, observation: Observation) -> Iterator[Event]:
        new = Endpoints()
        for one in self._slices.values():
            if _service(one) == service:
                new |= _endpoints(one)
        old = self.services.get(service)
        self.services[service] = new
        if new == old:
            return
        at, exact = observation.place()
        if old is None or old.ready != new.ready:
            self.ready_changed[service] = at
        detail = {"ready": _text(new.ready), "terminating": _text(new.terminating), "unready": _text(new.unready)}
        yield Event(at, EventKind.ENDPOINTS, service, "changed", detail, exact)


def _service(one: Mapping[str, Any]) -> str:
    return str(one["metadata"].get("labels", {}).get(_SERVICE, ""))


def _endpoints(one: Mapping[str, Any]) -> Endpoints:
    found = Endpoints()
    ports = [port["port"] for port in one.get("ports") or () if port.get("port")]
    for endpoint in one.get("endpoints") or ():
        targets = frozenset(f"{address}:{port}" for address in endpoint.get("addresses", ()) for port in ports)
        found |= _sorted(endpoint.get("conditions") or {}, targets)
    return found


def _sorted(conditions: Mapping[str, Any], targets: frozenset[str]) -> Endpoints:
    """Return endpoints by state. A missing ``ready`` counts as true, by the rule of the API."""
    if conditions.get("ready") is not False:
        return Endpoints(ready=targets)
    return Endpoints(terminating=targets) if conditions.get("terminating") else Endpoints(unready=targets)


def _text(targets: frozenset[str]) -> str:
    return ",".join(sorted(targets))
