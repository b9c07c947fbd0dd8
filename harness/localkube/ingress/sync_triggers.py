"""Decide which changes of the cluster trigger a sync: exactly those that do in ingress-nginx.

This matters because every sync takes a token of the rate limit, even if it has no effect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.localkube.ingress.basic_auth import secret_key
from harness.localkube.ingress.certificates import CertificateStore, secret_values
from harness.localkube.ingress.config_map import is_controllers
from harness.localkube.ingress.ingress_class import is_ours
from harness.localkube.ingress.translate import SERVICE_LABEL, Snapshot
from harness.localkube.machinery.client import EventType
from harness.localkube.machinery.informer import Callback, Informer
from harness.localkube.machinery.objects import Key, Object, key_of, labels_of
from harness.localkube.system.programs import INGRESS_NGINX

Dirty = Callable[[], None]


class WatchedResources:
    """The six resources from which a configuration is computed.

    Args:
        ingresses: Informer of Ingresses; like the others, its context is already open.
        classes: Informer of IngressClasses.
        services: Informer of Services.
        slices: Informer of EndpointSlices.
        secrets: Informer of Secrets.
        config_maps: Informer of ConfigMaps.
    """

    def __init__(
        self,
        *,
        ingresses: Informer,
        classes: Informer,
        services: Informer,
        slices: Informer,
        secrets: Informer,
        config_maps: Informer,
    ) -> None:
        self._ingresses = ingresses
        self._classes = classes
        self._services = services
        self._slices = slices
        self._secrets = secrets
        self._config_maps = config_maps
        self._settings: Mapping[str, str] = {}
        config_maps.subscribe(self._on_config_map(lambda: None))
        self._certificates = CertificateStore()

    def snapshot(self) -> Snapshot:
        """Return the current objects."""
        return Snapshot(
            ingresses=list(self._ingresses.items.values()),
            classes=list(self._classes.items.values()),
            services=list(self._services.items.values()),
            slices=list(self._slices.items.values()),
            certificates=self._certificates.read(self._secrets.items.values()),
            secrets={key: secret_values(secret) for key, secret in self._secrets.items.items()},
            settings=self._settings,
        )

    def ours(self) -> list[Object]:
        """Return the Ingresses that this controller serves."""
        return [obj for obj in self._ingresses.items.values() if is_ours(obj, self._classes.items.values())]

    def subscribe(self, dirty: Dirty, scheduled: Callable[[Object], None]) -> None:
        """Call ``dirty`` when a sync is due, and ``scheduled`` with each Ingress that causes one."""
        self._ingresses.subscribe(self._on_ingress(dirty, scheduled))
        self._classes.subscribe(on_class(dirty))
        self._services.subscribe(on_service(dirty, self._has_slices))
        self._slices.subscribe(on_slice(dirty))
        self._secrets.subscribe(self._on_secret(dirty))
        self._config_maps.subscribe(self._on_config_map(dirty))

    def _has_slices(self, service: Object) -> bool:
        """Return True if a Service's slices arrived before the Service; two watches have no common order."""
        namespace, name = key_of(service)
        return any(labels_of(piece).get(SERVICE_LABEL) == name for piece in self._slices.in_namespace(namespace))

    def _on_ingress(self, dirty: Dirty, scheduled: Callable[[Object], None]) -> Callback:
        def on_change(kind: EventType, old: Object | None, new: Object) -> None:
            sides = [obj for obj in (old, new) if obj is not None]
            if not any(is_ours(obj, self._classes.items.values()) for obj in sides):
                return
            if kind == "MODIFIED" and old is not None and intent_of(old) == intent_of(new):
                return
            if kind != "DELETED":
                scheduled(new)
            dirty()

        return on_change

    def _on_config_map(self, dirty: Dirty) -> Callback:
        """Handle the controller's ConfigMap. As in ingress-nginx, its deletion changes nothing."""

        def on_change(kind: EventType, old: Object | None, new: Object) -> None:
            if kind == "DELETED" or not is_controllers(new):
                return
            self._settings = new.get("data") or {}
            if old is None or (old.get("data") or {}) != self._settings:
                dirty()

        return on_change

    def _on_secret(self, dirty: Dirty) -> Callback:
        """Handle changes of the Secrets that our Ingresses refer to."""

        def on_change(kind: EventType, old: Object | None, new: Object) -> None:
            changed = kind != "MODIFIED" or old is None or secret_values(old) != secret_values(new)
            if changed and any(key_of(new) in secrets_of(each) for each in self._ingresses.items.values()):
                dirty()

        return on_change


def secrets_of(ingress: Object) -> set[Key]:
    """Return the Secrets with the certificates and the users of an Ingress."""
    namespace, _ = key_of(ingress)
    names = [entry.get("secretName") for entry in ingress["spec"].get("tls") or []]
    users = secret_key(ingress)
    return {(namespace, name) for name in names if name} | ({users} if users else set())


def intent_of(ingress: Object) -> tuple[Any, Any, Any]:
    """Return the parts of an Ingress whose change causes a sync: specification, annotations and labels.

    The status is excluded, although ingress-nginx does sync after a status change. But ingress-nginx writes the status
    on a timer, a minute after the Ingress was created. Here it is written at once, and the token for it would be
    missing in the trial that follows.
    """
    return (ingress.get("spec"), ingress["metadata"].get("annotations"), ingress["metadata"].get("labels"))


def on_class(dirty: Dirty) -> Callback:
    """Handle any IngressClass except our own, which on a real cluster is older than its controller."""

    def on_change(_kind: EventType, _old: Object | None, new: Object) -> None:
        if new["metadata"]["name"] != INGRESS_NGINX.ingress_class:
            dirty()

    return on_change


def on_service(dirty: Dirty, has_slices: Callable[[Object], bool]) -> Callback:
    """Handle changes of a Service, such as its selector.

    Its creation and deletion are ignored, because those of its slices trigger a sync. If the slices arrive first, the
    creation counts: the sync for the slices did not find the Service.
    """

    def on_change(kind: EventType, old: Object | None, new: Object) -> None:
        changed = old is not None and old.get("spec") != new.get("spec")
        if (kind == "MODIFIED" and changed) or (kind == "ADDED" and has_slices(new)):
            dirty()

    return on_change


def on_slice(dirty: Dirty) -> Callback:
    """Handle any change of a slice's endpoints, even of unready ones and of Services without an Ingress.

    Changes of the controller's own Service are ignored: on a real cluster it existed long before the trial, and its
    token has been refilled.
    """

    def on_change(kind: EventType, old: Object | None, new: Object) -> None:
        if key_of(new)[0] == INGRESS_NGINX.address.namespace:
            return
        if kind != "MODIFIED" or old is None or old.get("endpoints") != new.get("endpoints"):
            dirty()

    return on_change
