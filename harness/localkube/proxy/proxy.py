"""Run kube-proxy: watch Services and EndpointSlices through the API, and program them.

A real kube-proxy writes rules into the kernel. Here the rules of a Service are a file (``harness.kit.backends``), from
which the client chooses a backend when it connects, as socket-level load balancing does. An established connection
therefore stays with its pod, whatever is programmed later. A Service without endpoints refuses, because the client then
connects to an address on which nothing listens.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.kit.backends import Backends, backends_file, write_backends
from harness.localkube.controllers.endpoints import SERVICE_LABEL
from harness.localkube.ingress.sync_log import SyncLog
from harness.localkube.machinery.client import ApiClient, EventType
from harness.localkube.machinery.informer import Callback, Informer
from harness.localkube.machinery.objects import Key, Object, labels_of
from harness.localkube.machinery.resources import ENDPOINTSLICES, SERVICES
from harness.localkube.proxy.bounded_runner import BoundedRunner
from harness.localkube.proxy.rules import backends_of, port_map
from harness.localkube.settings import PROXY_LOG, NodeSettings

#: kube-proxy's ``minSyncPeriod`` in seconds, by delay profile; other profiles have its default.
_MIN_SYNC = {"instant": 0.01}
_DEFAULT_MIN_SYNC = 1.0


async def run_proxy(client: ApiClient, settings: NodeSettings) -> None:
    """Program Services until cancelled."""
    settings.services.mkdir(parents=True, exist_ok=True)
    settings.logs.mkdir(parents=True, exist_ok=True)
    async with Informer(client, SERVICES) as services, Informer(client, ENDPOINTSLICES) as slices:
        with SyncLog(settings.logs / PROXY_LOG) as sync_log:
            proxy = _Proxy(settings, services, slices, sync_log)
            runner = BoundedRunner(proxy.program, _MIN_SYNC.get(settings.profile, _DEFAULT_MIN_SYNC))
            services.subscribe(_on_service(runner))
            slices.subscribe(_on_slice(runner))
            await runner.run()


class _Proxy:
    """The currently programmed backends of all Services.

    Args:
        settings: The cluster's settings, which name the folder of the files.
        services: Informer of Services; its context is already open.
        slices: Informer of EndpointSlices; its context is already open.
        sync_log: Log of each Service whose backends change.
    """

    def __init__(self, settings: NodeSettings, services: Informer, slices: Informer, sync_log: SyncLog) -> None:
        self._folder = settings.services
        self._services = services
        self._slices = slices
        self._sync_log = sync_log
        self._programmed: dict[Key, Backends] = {}
        self._ports: dict[Key, dict[str, Backends]] = {}

    def program(self) -> None:
        """Update every Service's file to the current objects."""
        pieces: dict[Key, list[Object]] = {}
        for (namespace, _), piece in self._slices.items.items():
            pieces.setdefault((namespace, labels_of(piece).get(SERVICE_LABEL, "")), []).append(piece)
        for key in self._programmed.keys() - self._services.items.keys():
            del self._programmed[key]
            for port in ("", *self._ports.pop(key, {})):
                backends_file(self._folder, *key, port).unlink(missing_ok=True)
        for key, service in self._services.items.items():
            wanted = backends_of(service, pieces.get(key, ()))
            if self._programmed.get(key) != wanted:
                write_backends(backends_file(self._folder, *key), wanted)
                self._programmed[key] = wanted
                self._log_change(key, wanted)
            self._program_others(key, service, pieces.get(key, ()))

    def _program_others(self, key: Key, service: Object, pieces: Iterable[Object]) -> None:
        """Update the files of the ports after the first one; only traffic with TLS uses them."""
        names = [port["name"] for port in (service["spec"].get("ports") or [])[1:] if port.get("name")]
        before, self._ports[key] = (
            self._ports.get(key, {}),
            {name: backends_of(service, pieces, name) for name in names},
        )
        for gone in before.keys() - self._ports[key].keys():
            backends_file(self._folder, *key, gone).unlink(missing_ok=True)
        for name, wanted in self._ports[key].items():
            if before.get(name) != wanted:
                write_backends(backends_file(self._folder, *key, name), wanted)

    def _log_change(self, key: Key, backends: Backends) -> None:
        addresses = ", ".join(f"{address}:{port}" for address, port in backends.addresses)
        detail = {"service": f"{key[0]}/{key[1]}", "backends": addresses or "none"}
        self._sync_log.record("endpoints", detail)


def _on_service(runner: BoundedRunner) -> Callback:
    """Handle changes of the programmed part of a Service, to which its selector does not belong."""

    def on_change(kind: EventType, old: Object | None, new: Object) -> None:
        if kind != "MODIFIED" or old is None or port_map(old) != port_map(new):
            runner.request()

    return on_change


def _on_slice(runner: BoundedRunner) -> Callback:
    """Handle any change of endpoints, even of unready ones: it delays the next update by the sync period."""

    def on_change(kind: EventType, old: Object | None, new: Object) -> None:
        if kind != "MODIFIED" or old is None or any(old.get(part) != new.get(part) for part in ("endpoints", "ports")):
            runner.request()

    return on_change
