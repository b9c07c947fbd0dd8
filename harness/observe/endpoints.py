"""Which addresses each Service sends its requests to, from its EndpointSlices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.kube.api import Object, Objects
from harness.model.timeline import Event, EventKind
from harness.observe.event_time import Sighting

_SERVICE = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """``ip:port`` of a Service's endpoints, by what may be sent to them."""

    ready: frozenset[str] = frozenset()
    terminating: frozenset[str] = frozenset()
    unready: frozenset[str] = frozenset()

    @property
    def ready_addresses(self) -> frozenset[str]:
        """The IP addresses of the ready ones."""
        return frozenset(target.rpartition(":")[0] for target in self.ready)

    def __or__(self, other: Endpoints) -> Endpoints:
        """Those of both."""
        return Endpoints(self.ready | other.ready, self.terminating | other.terminating, self.unready | other.unready)


class EndpointTracker:
    """Keeps the EndpointSlices of a namespace, by Service; a ``harness.observe.tracker.Tracker``.

    Attributes:
        services: The endpoints of each Service.
        ready_changed: When a Service's ready endpoints changed last: what an ingress controller must follow.
    """

    def __init__(self) -> None:
        self.services: dict[str, Endpoints] = {}
        self.ready_changed: dict[str, int] = {}
        self._slices: dict[str, Object] = {}

    def listed(self, objects: Objects, sighting: Sighting) -> Iterator[Event]:
        """All slices there are."""
        services = {*map(_service, objects), *map(_service, self._slices.values())}
        self._slices = {one["metadata"]["name"]: one for one in objects}
        for service in sorted(services):
            yield from self._compare(service, sighting)

    def changed(self, obj: Object, sighting: Sighting) -> Iterator[Event]:
        """A slice is new or different."""
        self._slices[obj["metadata"]["name"]] = obj
        yield from self._compare(_service(obj), sighting)

    def deleted(self, obj: Object, sighting: Sighting) -> Iterator[Event]:
        """A slice is gone."""
        self._slices.pop(obj["metadata"]["name"], None)
        yield from self._compare(_service(obj), sighting)

    def _compare(self, service: str, sighting: Sighting) -> Iterator[Event]:
        new = Endpoints()
        for one in self._slices.values():
            if _service(one) == service:
                new |= _endpoints(one)
        old = self.services.get(service)
        self.services[service] = new
        if new == old:
            return
        at, exact = sighting.place()
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
    """By the API's rule an absent ``ready`` counts as true."""
    if conditions.get("ready") is not False:
        return Endpoints(ready=targets)
    return Endpoints(terminating=targets) if conditions.get("terminating") else Endpoints(unready=targets)


def _text(targets: frozenset[str]) -> str:
    return ",".join(sorted(targets))
