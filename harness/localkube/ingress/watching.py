"""Which changes of the cluster make the controller sync: those for which ingress-nginx does, no more and no fewer.

It matters, since every sync takes a token of the rate limit, also one that finds nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.localkube.ingress.served import is_ours
from harness.localkube.ingress.translate import SERVICE_LABEL, Snapshot
from harness.localkube.machinery.client import EventType
from harness.localkube.machinery.informer import Callback, Informer
from harness.localkube.machinery.objects import Object, key_of, labels_of
from harness.localkube.system.programs import INGRESS_NGINX

Dirty = Callable[[], None]


class Watched:
    """The four resources that a configuration is made from.

    Args:
        ingresses: Informer of Ingresses, as the others entered by the caller.
        classes: Of IngressClasses.
        services: Of Services.
        slices: Of EndpointSlices.
    """

    def __init__(self, *, ingresses: Informer, classes: Informer, services: Informer, slices: Informer) -> None:
        self._ingresses = ingresses
        self._classes = classes
        self._services = services
        self._slices = slices

    def snapshot(self) -> Snapshot:
        """The objects as they are known now."""
        informers = (self._ingresses, self._classes, self._services, self._slices)
        return Snapshot(*(list(informer.items.values()) for informer in informers))

    def ours(self) -> list[Object]:
        """The Ingresses that this controller serves."""
        return [obj for obj in self._ingresses.items.values() if is_ours(obj, self._classes.items.values())]

    def subscribe(self, dirty: Dirty, scheduled: Callable[[Object], None]) -> None:
        """Have ``dirty`` called when a sync is due, and ``scheduled`` with each Ingress that is the cause of one."""
        self._ingresses.subscribe(self._on_ingress(dirty, scheduled))
        self._classes.subscribe(on_class(dirty))
        self._services.subscribe(on_service(dirty, self._has_slices))
        self._slices.subscribe(on_slice(dirty))

    def _has_slices(self, service: Object) -> bool:
        """Whether a Service's slices were heard of before the Service itself: no order holds between two watches."""
        namespace, name = key_of(service)
        return any(labels_of(piece).get(SERVICE_LABEL) == name for piece in self._slices.in_namespace(namespace))

    def _on_ingress(self, dirty: Dirty, scheduled: Callable[[Object], None]) -> Callback:
        def told(kind: EventType, old: Object | None, new: Object) -> None:
            sides = [obj for obj in (old, new) if obj is not None]
            if not any(is_ours(obj, self._classes.items.values()) for obj in sides):
                return
            if kind == "MODIFIED" and old is not None and intent_of(old) == intent_of(new):
                return
            if kind != "DELETED":
                scheduled(new)
            dirty()

        return told


def intent_of(ingress: Object) -> tuple[Any, Any]:
    """The part of an Ingress that users write.

    Its status is left out, which ingress-nginx does not do. But there the status is written on a timer of its own, a
    minute after the Ingress was made; here it is at once, and its token would be missing in the trial that follows.
    """
    return (ingress.get("spec"), ingress["metadata"].get("annotations"))


def on_class(dirty: Dirty) -> Callback:
    """Any class but our own, which is there before it is made."""

    def told(_kind: EventType, _old: Object | None, new: Object) -> None:
        if new["metadata"]["name"] != INGRESS_NGINX.ingress_class:
            dirty()

    return told


def on_service(dirty: Dirty, has_slices: Callable[[Object], bool]) -> Callback:
    """Any change of a Service counts (the selector is one); its coming and going do not, the slices' do."""

    def told(kind: EventType, old: Object | None, new: Object) -> None:
        changed = old is not None and old.get("spec") != new.get("spec")
        if (kind == "MODIFIED" and changed) or (kind == "ADDED" and has_slices(new)):
            dirty()

    return told


def on_slice(dirty: Dirty) -> Callback:
    """Any change of a slice's endpoints counts, also of one that is not ready or behind no Ingress.

    Of the controller's own Service it does not: a real cluster's was there long before a trial, and its token is back.
    """

    def told(kind: EventType, old: Object | None, new: Object) -> None:
        if key_of(new)[0] == INGRESS_NGINX.namespace:
            return
        if kind != "MODIFIED" or old is None or old.get("endpoints") != new.get("endpoints"):
            dirty()

    return told
