"""Run Traefik as a component of the cluster: create its IngressClass, start it, and log its syncs with times."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from harness.localkube.ingress.sync_log import SyncLog
from harness.localkube.machinery.client import AlreadyExists, ApiClient
from harness.localkube.machinery.resources import INGRESSCLASSES
from harness.localkube.settings import NodeSettings
from harness.localkube.system.manifests import class_of
from harness.localkube.system.programs import INGRESS_PROGRAMS
from harness.localkube.traefik.install import find_traefik
from harness.localkube.traefik.log_follower import follow_log
from harness.localkube.traefik.process import LOG, TraefikProcess

#: Seconds that Traefik has to end after SIGTERM; its own ``graceTimeOut`` is 10.
STOP_SECONDS = 20.0
#: Seconds between two attempts to connect during the start.
_POLL_SECONDS = 0.01


async def run(
    client: ApiClient,
    settings: NodeSettings,
    *,
    ready: Callable[[], None] = lambda: None,
    address: str = "",
    leave: asyncio.Event | None = None,
    log: Path | None = None,
) -> None:
    """Run Traefik until cancelled; it has ended when this returns.

    Args:
        client: The API server; Traefik uses its own client.
        settings: Addresses and folders.
        ready: Called once it accepts connections.
        address: Address to listen on; by default the cluster's ingress address.
        leave: Set to stop gracefully, as SIGTERM does; ``run`` returns after that.
        log: File of its container's log, which becomes a link to Traefik's own log.

    Raises:
        BringUpError: Traefik ended by itself.
    """
    settings.logs.mkdir(parents=True, exist_ok=True)
    program = INGRESS_PROGRAMS[settings.ingress]
    with suppress(AlreadyExists):
        await client.create(INGRESSCLASSES, class_of(program))
    traefik = TraefikProcess(find_traefik(), program.providers)
    entry = (address or settings.block.ingress_address, settings.entry_port)
    logs = settings.logs if entry[0] == settings.block.ingress_address else settings.logs / f"traefik-{entry[0]}"
    logs.mkdir(parents=True, exist_ok=True)
    if log is not None:
        _link(log, logs / LOG)
    await traefik.start(*entry, client.base_url, logs)
    try:
        with SyncLog(settings.logs / "ingress-controller.jsonl") as sync_log:
            async with asyncio.TaskGroup() as group:
                follower = group.create_task(follow_log(logs / LOG, sync_log), name="traefik log")
                watch = group.create_task(_fail_on_exit(traefik), name="traefik end")
                await _until_accepted(*entry)
                ready()
                await (leave or asyncio.Event()).wait()
                watch.cancel()
                await traefik.stop(grace=STOP_SECONDS)
                follower.cancel()
    except BaseExceptionGroup as failures:
        # Unwrap the task group's errors; the first one caused the others.
        raise failures.exceptions[0] from None
    finally:
        # Kill it, as if the node was switched off.
        await traefik.stop(grace=0)


def _link(log: Path, target: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    log.symlink_to(target)


async def _fail_on_exit(traefik: TraefikProcess) -> None:
    raise traefik.failure(await traefik.wait())


async def _until_accepted(address: str, port: int) -> None:
    while True:
        try:
            _, writer = await asyncio.open_connection(address, port)
        except OSError:
            await asyncio.sleep(_POLL_SECONDS)
        else:
            writer.close()
            return
