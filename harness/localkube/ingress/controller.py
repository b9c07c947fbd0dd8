"""The ingress controller: watches the API, waits for its turn, syncs; and starts and ends nginx."""

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

from harness.errors import BringUpError
from harness.localkube.ingress.admin import NginxAdmin
from harness.localkube.ingress.model import Configuration
from harness.localkube.ingress.pace import SyncQueue, TokenBucket
from harness.localkube.ingress.process import NginxProcess
from harness.localkube.ingress.render import Frame
from harness.localkube.ingress.sync import Synchronizer, write
from harness.localkube.ingress.sync_log import Journal
from harness.localkube.ingress.translate import configuration_of
from harness.localkube.ingress.watching import Watched
from harness.localkube.machinery.client import AlreadyExists, ApiClient, ApiError
from harness.localkube.machinery.events import EventRecorder
from harness.localkube.machinery.informer import Informer
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import (
    ENDPOINTSLICES,
    INGRESSCLASSES,
    INGRESSES,
    SERVICES,
)
from harness.localkube.profiles import Profile
from harness.localkube.settings import NodeSettings
from harness.localkube.system.manifests import class_of
from harness.localkube.system.programs import INGRESS_NGINX

COMPONENT = "nginx-ingress-controller"
#: Where the controller reaches nginx, beside the address of the data plane; ingress-nginx's own choice.
ADMIN_PORT = 10246

#: The pod that a real cluster's events are about. No such pod runs here: the controller is part of the node's process.
_POD: Object = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": INGRESS_NGINX.deployment, "namespace": INGRESS_NGINX.namespace},
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
) -> None:
    """Play the ingress-nginx controller until cancelled; then nginx and all its workers are gone.

    Args:
        client: The API server; nothing else of the cluster is used.
        settings: Where to listen and write, and which delay profile.
        ready: Called once nginx answers with what the cluster has. The IngressClass is there from then on, too.
        address: Where it listens; by default the cluster's own address for it.
        leave: Set when it is to end in order: nothing is synced any more, nginx closes its listeners and idle
            connections at once, and answers what is under way. It returns then.

    Raises:
        BringUpError: nginx does not start, or ended by itself.
    """
    try:
        async with AsyncExitStack() as stack:
            frame = frame_of(settings, address or settings.block.ingress_address)
            await _run(stack, client, settings, frame, _Signals(ready, leave or asyncio.Event()))
    except BaseExceptionGroup as group:
        # The task group's wrapping; the first failure is the cause of the others.
        raise group.exceptions[0] from None


@dataclass(frozen=True, slots=True)
class _Signals:
    ready: Callable[[], None]
    leave: asyncio.Event


async def _run(
    stack: AsyncExitStack, client: ApiClient, settings: NodeSettings, frame: Frame, signals: _Signals
) -> None:
    watched = await _watch(stack, client)
    first = configuration_of(watched.snapshot())
    listeners = [(frame.address, frame.port), (frame.address, frame.admin_port)]
    nginx = NginxProcess(frame.install, frame.directory, listeners)
    write(nginx.configuration, frame, first.servers)
    admin = await stack.enter_async_context(NginxAdmin(frame.address, frame.admin_port))
    journal = stack.enter_context(Journal(settings.logs / "ingress-controller.jsonl"))
    await stack.enter_async_context(nginx)
    background = await stack.enter_async_context(asyncio.TaskGroup())
    background.create_task(_die_with(nginx, signals.leave), name="nginx watch")
    controller = _Controller(client, settings, watched, background)
    synchronizer = Synchronizer(nginx, admin, frame, journal, controller.announce, first=first.servers)
    await synchronizer.first(first)
    await controller.register()
    signals.ready()
    following = background.create_task(controller.follow(synchronizer, first), name="ingress sync")
    await signals.leave.wait()
    following.cancel()
    nginx.quit()
    await nginx.ended()


async def _watch(stack: AsyncExitStack, client: ApiClient) -> Watched:
    informers = [Informer(client, kind) for kind in (INGRESSES, INGRESSCLASSES, SERVICES, ENDPOINTSLICES)]
    await asyncio.gather(*(stack.enter_async_context(informer) for informer in informers))
    return Watched(ingresses=informers[0], classes=informers[1], services=informers[2], slices=informers[3])


async def _die_with(nginx: NginxProcess, leave: asyncio.Event) -> None:
    await nginx.ended()
    if not leave.is_set():
        raise nginx.failure("ended by itself")


def frame_of(settings: NodeSettings, address: str) -> Frame:
    """What stays in nginx's configuration, with the folders that it names made; a data plane elsewhere has its own."""
    if settings.nginx is None:
        raise BringUpError("The ingress controller was started without an nginx.")
    own = "nginx" if address == settings.block.ingress_address else f"nginx-{address}"
    directory = settings.directory / own
    directory.mkdir(parents=True, exist_ok=True)
    settings.logs.mkdir(parents=True, exist_ok=True)
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Frame(
        install=settings.nginx,
        directory=directory,
        access_log=settings.logs / "access.jsonl",
        address=address,
        port=settings.entry_port,
        admin_port=ADMIN_PORT,
        timer=Profile.by_name(settings.profile).ingress_timer,
        seed=settings.seed,
        user=_user(),
        descriptors=_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS),
    )


def _user() -> str:
    """Workers stay who the master is: nginx, started by root, would make them somebody who can't write our files."""
    if os.geteuid() != 0:
        return ""
    return f"{pwd.getpwuid(0).pw_name} {grp.getgrgid(0).gr_name}"


class _Controller:
    def __init__(
        self, client: ApiClient, settings: NodeSettings, watched: Watched, background: asyncio.TaskGroup
    ) -> None:
        profile = Profile.by_name(settings.profile)
        self._client = client
        self._address = settings.block.ingress_address
        self._watched = watched
        self._background = background
        self._events = EventRecorder(client, COMPONENT)
        self._limit = TokenBucket(profile.ingress_sync_rate, profile.ingress_sync_burst)

    def announce(self, kind: str, reason: str, message: str) -> None:
        """Record an Event about the controller, without waiting for the API."""
        self._background.create_task(self._events.event(_POD, kind, reason, message), name=f"event {reason}")

    async def register(self) -> None:
        """Make the IngressClass, if it is not there."""
        with suppress(AlreadyExists):
            await self._client.create(INGRESSCLASSES, class_of(INGRESS_NGINX))

    async def follow(self, synchronizer: Synchronizer, first: Configuration) -> None:
        """Sync whenever something changed, at the pace of the rate limit.

        The first sync took no token: a real controller has been up for long when a trial begins, its bucket full.
        """

        async def sync() -> None:
            await synchronizer.sync(configuration_of(self._watched.snapshot()))
            await self._publish(self._watched.ours())

        queue = SyncQueue(self._limit, sync)
        self._watched.subscribe(queue.add, self._scheduled)
        if configuration_of(self._watched.snapshot()) == first:
            queue.forget()
        await self._publish(self._watched.ours())
        await queue.run()

    def _scheduled(self, ingress: Object) -> None:
        recorded = self._events.event(ingress, "Normal", "Sync", "Scheduled for sync")
        self._background.create_task(recorded, name="event Sync")

    async def _publish(self, ingresses: Iterable[Object]) -> None:
        """Write the data plane's address into the Ingresses' status."""
        status = {"loadBalancer": {"ingress": [{"ip": self._address}]}}
        for ingress in ingresses:
            if ingress.get("status") != status:
                metadata = ingress["metadata"]
                with suppress(ApiError):  # Deleted or changed since; the next sync sees it.
                    await self._client.patch(
                        INGRESSES, metadata["name"], metadata["namespace"], {"status": status}, subresource="status"
                    )
