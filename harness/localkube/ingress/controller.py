"""Run the ingress controller: watch the API, sync at a limited rate, start and stop nginx."""

from __future__ import annotations

import asyncio
import grp
import logging
import os
import pwd
import resource
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from harness.errors import BringUpError
from harness.localkube.ingress.admin import NginxAdmin
from harness.localkube.ingress.certificates import certificate_file
from harness.localkube.ingress.controller_log import KlogFile
from harness.localkube.ingress.model import NginxConfiguration
from harness.localkube.ingress.process import NginxProcess
from harness.localkube.ingress.rate_limit import LimitOnceStarted, SyncQueue, TokenBucket
from harness.localkube.ingress.render import FixedConfig
from harness.localkube.ingress.sync import Synchronizer, write
from harness.localkube.ingress.sync_log import SyncLog
from harness.localkube.ingress.sync_triggers import WatchedResources
from harness.localkube.ingress.translate import configuration_of
from harness.localkube.machinery.client import AlreadyExists, ApiClient, ApiError
from harness.localkube.machinery.events import EventRecorder
from harness.localkube.machinery.informer import Informer
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import (
    CONFIGMAPS,
    ENDPOINTSLICES,
    INGRESSCLASSES,
    INGRESSES,
    SECRETS,
    SERVICES,
)
from harness.localkube.profiles import Profile
from harness.localkube.settings import NodeSettings
from harness.localkube.system.manifests import class_of
from harness.localkube.system.programs import INGRESS_NGINX

COMPONENT = "nginx-ingress-controller"
#: Port of the admin server at the data plane's address; the same as in ingress-nginx.
ADMIN_PORT = 10246

#: The object of Events about the controller. On a real cluster it is the controller's pod; here the controller runs in
#: the node's process and does not know its pod, so the name is that of the Deployment.
_POD: Object = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": INGRESS_NGINX.address.deployment, "namespace": INGRESS_NGINX.address.namespace},
}
_DESCRIPTORS = 65536

_log = logging.getLogger(__name__)


def _nothing() -> None:
    pass


async def run(
    client: ApiClient,
    settings: NodeSettings,
    *,
    ready: Callable[[], None] = _nothing,
    address: str = "",
    leave: asyncio.Event | None = None,
    log: Path | None = None,
) -> None:
    """Run the ingress-nginx controller until cancelled; all nginx processes have ended when it returns.

    Args:
        client: The API server; the controller uses no other component.
        settings: Addresses, folders and delay profile.
        ready: Called once nginx serves the cluster's current configuration; the IngressClass exists by then.
        address: Address to listen on; by default the cluster's ingress address.
        leave: Set to stop gracefully. The controller then syncs no more, and nginx closes its listeners and idle
            connections at once and answers the requests in flight. ``run`` returns after that.
        log: File of its container's log; by default one in the cluster's folder of logs.

    Raises:
        BringUpError: nginx does not start, or ended by itself.
    """
    try:
        async with AsyncExitStack() as stack:
            container_log = stack.enter_context(KlogFile(log or settings.logs / "ingress-nginx.log"))
            fixed = fixed_config_of(settings, address or settings.block.ingress_address, container_log.path)
            await _run(stack, client, settings, fixed, _Outside(ready, leave or asyncio.Event(), container_log))
    except BaseExceptionGroup as group:
        # Unwrap the task group's errors; the first one caused the others.
        raise group.exceptions[0] from None


@dataclass(frozen=True, slots=True)
class _Outside:
    ready: Callable[[], None]
    leave: asyncio.Event
    log: KlogFile


async def _run(
    stack: AsyncExitStack, client: ApiClient, settings: NodeSettings, fixed: FixedConfig, outside: _Outside
) -> None:
    watched = await _watch(stack, client)
    first = configuration_of(watched.snapshot())
    listeners = [(fixed.address, port) for port in (fixed.port, fixed.tls_port, fixed.admin_port)]
    nginx = NginxProcess(fixed.install, fixed.directory, listeners)
    write(nginx.configuration, fixed, first)
    admin = await stack.enter_async_context(NginxAdmin(fixed.address, fixed.admin_port))
    sync_log = stack.enter_context(SyncLog(settings.logs / "ingress-controller.jsonl"))
    outside.log.started(fixed.install.version)
    await stack.enter_async_context(nginx)
    background = await stack.enter_async_context(asyncio.TaskGroup())
    background.create_task(_fail_on_exit(nginx, outside.leave), name="nginx watch")
    controller = _Controller(client, settings, watched, background, outside.log)
    synchronizer = Synchronizer(nginx, admin, fixed, (sync_log, outside.log), controller.record_event, first=first)
    await synchronizer.first(first)
    await controller.register()
    outside.ready()
    syncing = background.create_task(controller.sync_on_changes(synchronizer, first), name="ingress sync")
    await outside.leave.wait()
    syncing.cancel()
    nginx.quit()
    await nginx.ended()


_WATCHED = (INGRESSES, INGRESSCLASSES, SERVICES, ENDPOINTSLICES, SECRETS, CONFIGMAPS)


async def _watch(stack: AsyncExitStack, client: ApiClient) -> WatchedResources:
    informers = [Informer(client, kind) for kind in _WATCHED]
    await asyncio.gather(*(stack.enter_async_context(informer) for informer in informers))
    ingresses, classes, services, slices, secrets, config_maps = informers
    return WatchedResources(
        ingresses=ingresses,
        classes=classes,
        services=services,
        slices=slices,
        secrets=secrets,
        config_maps=config_maps,
    )


async def _fail_on_exit(nginx: NginxProcess, leave: asyncio.Event) -> None:
    await nginx.ended()
    if not leave.is_set():
        raise nginx.failure("ended by itself")


def fixed_config_of(settings: NodeSettings, address: str, container_log: Path) -> FixedConfig:
    """Return the fixed part of nginx's configuration, and create its folders.

    A data plane at another address gets its own folder.
    """
    if settings.nginx is None:
        raise BringUpError("The ingress controller was started without nginx.")
    own = "nginx" if address == settings.block.ingress_address else f"nginx-{address}"
    directory = settings.directory / own
    directory.mkdir(parents=True, exist_ok=True)
    settings.logs.mkdir(parents=True, exist_ok=True)
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return FixedConfig(
        install=settings.nginx,
        directory=directory,
        access_log=settings.logs / "access.jsonl",
        container_log=container_log,
        address=address,
        port=settings.entry_port,
        tls_port=settings.tls_port,
        certificate=certificate_file(settings.directory),
        admin_port=ADMIN_PORT,
        timer=Profile.by_name(settings.profile).ingress_timer,
        seed=settings.seed,
        user=_user(),
        descriptors=_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS),
    )


def _user() -> str:
    """Return ``user group`` of the master if it is root.

    By default, nginx started by root runs its workers as a user who cannot write our files.
    """
    if os.geteuid() != 0:
        return ""
    return f"{pwd.getpwuid(0).pw_name} {grp.getgrgid(0).gr_name}"


class _Controller:
    def __init__(
        self,
        client: ApiClient,
        settings: NodeSettings,
        watched: WatchedResources,
        background: asyncio.TaskGroup,
        log: KlogFile,
    ) -> None:
        profile = Profile.by_name(settings.profile)
        self._client = client
        self._address = settings.block.ingress_address
        self._watched = watched
        self._background = background
        self._log = log
        self._events = EventRecorder(client, COMPONENT)
        bucket = TokenBucket(profile.ingress_sync_rate, profile.ingress_sync_burst)
        self._limit = LimitOnceStarted(bucket, settings.starting_file)

    def record_event(self, kind: str, reason: str, message: str) -> None:
        """Record an Event about the controller in the background."""
        self._record(_POD, kind, reason, message)

    async def register(self) -> None:
        """Create the IngressClass if it does not exist."""
        with suppress(AlreadyExists):
            await self._client.create(INGRESSCLASSES, class_of(INGRESS_NGINX))

    async def sync_on_changes(self, synchronizer: Synchronizer, first: NginxConfiguration) -> None:
        """Sync after each relevant change, at the rate limit.

        The first sync takes no token: a real controller has run for a long time when a trial begins, so its bucket is
        full.
        """

        async def sync() -> None:
            configuration = configuration_of(self._watched.snapshot())
            for service in configuration.empty:
                self._log.no_endpoints(service)
            await synchronizer.sync(configuration)
            await self._publish(self._watched.ours())

        queue = SyncQueue(self._limit, sync)
        self._watched.subscribe(queue.add, self._scheduled)
        if configuration_of(self._watched.snapshot()) == first:
            queue.forget()
        await self._publish(self._watched.ours())
        await queue.run()

    def _scheduled(self, ingress: Object) -> None:
        self._log.valid_class(ingress)
        self._record(ingress, "Normal", "Sync", "Scheduled for sync")

    def _record(self, obj: Object, kind: str, reason: str, message: str) -> None:
        self._log.event(obj, kind, reason, message)
        self._background.create_task(self._events.event(obj, kind, reason, message), name=f"event {reason}")

    async def _publish(self, ingresses: Iterable[Object]) -> None:
        """Write the data plane's address into the Ingresses' status."""
        addresses = [{"ip": self._address}]
        status = {"loadBalancer": {"ingress": addresses}}
        for ingress in ingresses:
            if ingress.get("status") != status:
                metadata = ingress["metadata"]
                self._log.publishing(ingress, addresses)
                with suppress(ApiError):  # It was deleted or changed meanwhile; the next sync handles that.
                    await self._client.patch(
                        INGRESSES, metadata["name"], metadata["namespace"], {"status": status}, subresource="status"
                    )
