"""One sync: compare what nginx was told with what the objects say now, and tell it the difference the cheapest way."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import aiohttp

from harness.errors import CommandError
from harness.localkube.ingress.admin import NginxAdmin
from harness.localkube.ingress.model import Configuration, EndpointDiff, Server
from harness.localkube.ingress.process import NginxProcess
from harness.localkube.ingress.render import Frame, render
from harness.localkube.ingress.sync_log import Journal

#: Told of a Kubernetes Event to record about the controller: type, reason, message.
Announce = Callable[[str, str, str], None]

FIRST_GENERATION = 1

_WORKERS_SECONDS = 10.0
#: nginx itself waits 0.1 s between starting new workers and ending the old.
_LEAVING_SECONDS = 2.0

_log = logging.getLogger(__name__)


class Synchronizer:
    """Knows what nginx runs with.

    Args:
        nginx: The process, started with ``first``.
        admin: How its workers are talked to.
        frame: What stays in its configuration.
        journal: Where each sync is recorded.
        announce: Where reloads are told of.
        first: Virtual hosts of the configuration that nginx was started with.
    """

    def __init__(
        self,
        nginx: NginxProcess,
        admin: NginxAdmin,
        frame: Frame,
        journal: Journal,
        announce: Announce,
        *,
        first: tuple[Server, ...],
    ) -> None:
        self._nginx = nginx
        self._admin = admin
        self._frame = frame
        self._journal = journal
        self._announce = announce
        self._generation = FIRST_GENERATION
        self._serving = FIRST_GENERATION
        self._running = Configuration(first, {})

    async def first(self, configuration: Configuration) -> None:
        """Wait until nginx serves what it was started with, and give it its first endpoints."""
        await self._workers_up()
        if not await self._tell_endpoints(configuration):
            self._journal.record("sync", {})

    async def sync(self, configuration: Configuration) -> None:
        """Bring nginx to a configuration; records what was done. A configuration that nginx refuses is not used."""
        reloads = configuration.servers != self._running.servers
        endpoints = False
        if reloads:
            try:
                await self._reload(configuration)
            except CommandError as error:
                _log.error("%s", error)
                self._announce("Warning", "RELOAD", f"Error reloading NGINX: {error}")
                return
        # At once, as ingress-nginx does: workers that are about to start find them.
        if configuration.backends != self._running.backends:
            endpoints = await self._tell_endpoints(configuration)
        if reloads:
            await self._replaced()
        if not (reloads or endpoints):
            self._journal.record("sync", {})

    async def _reload(self, configuration: Configuration) -> None:
        candidate = self._nginx.configuration.with_suffix(".new")
        self._generation += 1
        write(candidate, self._frame, configuration.servers, self._generation)
        await self._nginx.test(candidate)
        candidate.replace(self._nginx.configuration)
        self._nginx.reload()
        self._running = Configuration(configuration.servers, self._running.backends)
        self._announce("Normal", "RELOAD", "NGINX reload triggered due to a change in configuration")

    async def _replaced(self) -> None:
        """Wait until new workers serve and the old ones accept no more: nginx lets both do so for a while."""
        await self._workers_up()
        up = time.monotonic_ns()
        with suppress(TimeoutError):  # A worker that was killed never says that it leaves.
            async with asyncio.timeout(_LEAVING_SECONDS):
                await self._admin.workers("leaving", self._serving, self._frame.workers)
        self._serving = self._generation
        self._journal.record("reload", {"generation": self._generation, "new_workers_up_ns": up})

    async def _tell_endpoints(self, configuration: Configuration) -> bool:
        """Post the backends; True, and a line in the journal, if another endpoint may get a request than before."""
        try:
            await self._admin.post_backends(configuration.backends)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._nginx.failure(f"does not take its endpoints: {error!r}") from error
        diff = EndpointDiff.between(self._running.backends, configuration.backends)
        reshaped = shapes(self._running) != shapes(configuration)
        self._running = configuration
        if diff.added or diff.removed or reshaped:
            self._journal.record("endpoints", {"added": ",".join(diff.added), "removed": ",".join(diff.removed)})
        return bool(diff.added or diff.removed or reshaped)

    async def _workers_up(self) -> None:
        try:
            async with asyncio.timeout(_WORKERS_SECONDS):
                await self._admin.workers("up", self._generation, self._frame.workers)
        except TimeoutError as error:
            raise self._nginx.failure(f"has not started its workers within {_WORKERS_SECONDS:g} s") from error


def shapes(configuration: Configuration) -> dict[str, tuple[object, ...]]:
    """Which requests which backend gets, where that is not all those of its own locations."""
    return {name: backend.shape() for name, backend in configuration.backends.items() if any(backend.shape())}


def write(path: Path, frame: Frame, servers: tuple[Server, ...], generation: int = FIRST_GENERATION) -> None:
    """Write nginx.conf; the first generation is the one that nginx is started with."""
    path.write_text(render(frame, servers, generation), encoding="utf-8")
