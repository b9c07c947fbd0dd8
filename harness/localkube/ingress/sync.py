"""Apply the current objects to nginx, with a reload only if nginx.conf changes."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import aiohttp

from harness.errors import CommandError
from harness.localkube.ingress.admin import NginxAdmin
from harness.localkube.ingress.controller_log import KlogFile
from harness.localkube.ingress.model import EndpointDiff, NginxConfiguration
from harness.localkube.ingress.process import NginxProcess
from harness.localkube.ingress.render import FixedConfig, render
from harness.localkube.ingress.sync_log import SyncLog

#: Records a Kubernetes Event about the controller: type, reason, message.
RecordEvent = Callable[[str, str, str], None]

FIRST_GENERATION = 1

#: Timeout in seconds. New workers start within 0.1 s, unless the machine stalls.
_WORKERS_SECONDS = 60.0
#: Timeout in seconds; nginx waits 0.1 s between the start of new workers and the end of the old ones.
_LEAVING_SECONDS = 2.0

_log = logging.getLogger(__name__)


class Synchronizer:
    """Brings nginx to the wanted configuration, and remembers the configuration with which nginx runs.

    Args:
        nginx: The process, started with ``first``.
        admin: Client of its admin server.
        fixed: The fixed part of its configuration.
        logs: Log of all syncs for the evidence, and the log of the controller's container.
        record_event: Records Events about reloads.
        first: Configuration that nginx was started with; of its data for Lua, nginx has nothing yet.
    """

    def __init__(
        self,
        nginx: NginxProcess,
        admin: NginxAdmin,
        fixed: FixedConfig,
        logs: tuple[SyncLog, KlogFile],
        record_event: RecordEvent,
        *,
        first: NginxConfiguration,
    ) -> None:
        self._nginx = nginx
        self._admin = admin
        self._fixed = fixed
        self._sync_log, self._log = logs
        self._record_event = record_event
        self._generation = FIRST_GENERATION
        self._serving = FIRST_GENERATION
        self._running = replace(first, backends={}, certificates={})

    async def first(self, configuration: NginxConfiguration) -> None:
        """Wait until nginx serves its initial configuration, and send its first endpoints."""
        await self._workers_up()
        await self._post_certificates(configuration)
        self._log.initial_sync()
        if not await self._post_endpoints(configuration):
            self._sync_log.record("sync", {})
        self._log.reconfigured()

    async def sync(self, configuration: NginxConfiguration) -> None:
        """Bring nginx to a configuration and log the changes; a configuration that nginx rejects is not used."""
        reloads = configuration.needs_reload_after(self._running)
        endpoints = False
        unchanged = configuration == self._running
        if reloads:
            self._log.reload_required()
            try:
                await self._reload(configuration)
            except CommandError as error:
                _log.error("%s", error)
                self._log.reload_failed(str(error))
                self._record_event("Warning", "RELOAD", f"Error reloading NGINX: {error}")
                return
        # Post the endpoints at once, as ingress-nginx does, so that starting workers find them.
        if configuration.backends != self._running.backends:
            endpoints = await self._post_endpoints(configuration)
        await self._post_certificates(configuration)
        if unchanged:
            self._log.unchanged()
        else:
            self._log.reconfigured()
        if reloads:
            await self._wait_for_replacement()
        if not (reloads or endpoints):
            self._sync_log.record("sync", {})

    async def _reload(self, configuration: NginxConfiguration) -> None:
        candidate = self._nginx.configuration.with_suffix(".new")
        self._generation += 1
        write(candidate, self._fixed, configuration, self._generation)
        await self._nginx.test(candidate)
        candidate.replace(self._nginx.configuration)
        self._nginx.reload()
        self._running = replace(self._running, servers=configuration.servers, everywhere=configuration.everywhere)
        self._log.reloaded()
        self._record_event("Normal", "RELOAD", "NGINX reload triggered due to a change in configuration")

    async def _wait_for_replacement(self) -> None:
        """Wait until the new workers serve and the old ones accept no connections."""
        await self._workers_up()
        up = time.monotonic_ns()
        with suppress(TimeoutError):  # A worker that was killed never reports ``leaving``.
            async with asyncio.timeout(_LEAVING_SECONDS):
                await self._admin.workers("leaving", self._serving, self._fixed.workers)
        self._serving = self._generation
        self._sync_log.record("reload", {"generation": self._generation, "new_workers_up_ns": up})

    async def _post_endpoints(self, configuration: NginxConfiguration) -> bool:
        """Post the backends.

        Return True, and write a line to the sync log, if requests may go to other endpoints than before.
        """
        try:
            await self._admin.post_backends(configuration.backends)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._nginx.failure(f"does not accept its endpoints: {error!r}") from error
        diff = EndpointDiff.between(self._running.backends, configuration.backends)
        reshaped = routing_of(self._running) != routing_of(configuration)
        self._running = replace(configuration, certificates=self._running.certificates)
        if diff.added or diff.removed or reshaped:
            self._sync_log.record("endpoints", {"added": ",".join(diff.added), "removed": ",".join(diff.removed)})
        return bool(diff.added or diff.removed or reshaped)

    async def _post_certificates(self, configuration: NginxConfiguration) -> None:
        """Post the certificates if they have changed; this closes no connection."""
        if configuration.certificates == self._running.certificates:
            return
        hosts = [name for server in configuration.servers for name in (server.host, *server.aliases)]
        default = self._fixed.certificate.read_text(encoding="ascii")
        try:
            await self._admin.post_certificates(hosts, configuration.certificates, default)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._nginx.failure(f"does not accept its certificates: {error!r}") from error
        self._running = replace(self._running, certificates=configuration.certificates)

    async def _workers_up(self) -> None:
        try:
            async with asyncio.timeout(_WORKERS_SECONDS):
                await self._admin.workers("up", self._generation, self._fixed.workers)
        except TimeoutError as error:
            raise self._nginx.failure(f"has not started its workers within {_WORKERS_SECONDS:g} s") from error


def routing_of(configuration: NginxConfiguration) -> dict[str, tuple[object, ...]]:
    """Return the routing rules of each backend that has some: canaries and affinity."""
    return {name: backend.routing() for name, backend in configuration.backends.items() if any(backend.routing())}


def write(
    path: Path, fixed: FixedConfig, configuration: NginxConfiguration, generation: int = FIRST_GENERATION
) -> None:
    """Write nginx.conf and the password files that it names; nginx is started with the first generation."""
    for server in configuration.servers:
        for location in server.locations:
            if auth := location.settings.auth:
                users = path.with_name(auth.file_name)
                users.touch(mode=0o600)
                users.write_bytes(auth.users)
    text = render(fixed, configuration.servers, generation, configuration.everywhere)
    path.write_text(text, encoding="utf-8")
