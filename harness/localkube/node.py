"""Run the cluster's process: an API server and its clients, the controllers, kubelet, kube-proxy and ingress.

``python -m harness.localkube.node CONFIG`` runs until SIGTERM, SIGINT or SIGHUP. The components communicate only
through the API. If one of them ends, the whole cluster stops with a nonzero exit code, because a half-working cluster
would produce wrong verdicts. A cluster that is not forked (``harness.localkube.forked``) pays for the imports of this
module, so keep them few.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from harness.kit import streams
from harness.localkube.api.server import serve
from harness.localkube.controllers.manager import run_controllers
from harness.localkube.kubelet import run_kubelet
from harness.localkube.kubelet.container_server import ContainerServer, ForkedServer
from harness.localkube.machinery.client import COMPONENT_AGENT, ApiClient
from harness.localkube.proxy.proxy import run_proxy
from harness.localkube.settings import CONTAINERS_LOG, NodeSettings
from harness.localkube.system.install import run_installer
from harness.localkube.system.programs import INGRESS_PROGRAMS

log = logging.getLogger("harness.node")

#: A component of the cluster; it runs until it is cancelled.
Component = Callable[[ApiClient, NodeSettings], Awaitable[None]]

#: Seconds that cancelled components have to end; the kubelet kills its pods in this time.
STOP_SECONDS = 4.0


def components(settings: NodeSettings, server: ContainerServer | None = None) -> Mapping[str, Component]:
    """Return the components by name, in the order in which they start; ``server`` makes the kubelet's containers."""

    async def kubelet(client: ApiClient, settings: NodeSettings) -> None:
        await run_kubelet(client, settings, server)

    always: dict[str, Component] = {"controllers": run_controllers, "kubelet": kubelet, "kube-proxy": run_proxy}
    return {"installer": run_installer, **always} if settings.ingress in INGRESS_PROGRAMS else always


async def run(settings: NodeSettings, components: Mapping[str, Component]) -> int:
    """Run the cluster until a signal asks it to stop.

    Returns:
        0 after an orderly stop, 1 if a component ended by itself or did not stop in time.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    async with serve(settings) as url:
        tasks = [
            asyncio.create_task(_run_component(name, component, url, settings), name=name)
            for name, component in components.items()
        ]
        _write_ready_file(settings, url)
        log.info("cluster %s serves %s", settings.name, url)
        stopped = asyncio.create_task(stop.wait(), name="signal")
        await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
        failed = _report_ended(tasks)
        stopped.cancel()
        late = await _cancel(tasks)
    log.info("cluster %s has stopped", settings.name)
    return 1 if failed or late else 0


async def _run_component(name: str, component: Component, url: str, settings: NodeSettings) -> None:
    async with ApiClient(url, f"{COMPONENT_AGENT}{name}") as client:
        await component(client, settings)


def _write_ready_file(settings: NodeSettings, url: str) -> None:
    """Write the ready file with an atomic rename, so that no reader sees half of it."""
    temporary = settings.ready_file.with_suffix(".new")
    temporary.write_text(json.dumps({"url": url, "pid": os.getpid()}) + "\n", encoding="utf-8")
    temporary.replace(settings.ready_file)


def _report_ended(tasks: list[asyncio.Task[None]]) -> bool:
    """Log every component that ended by itself; return True if there is one."""
    ended = [task for task in tasks if task.done()]
    for task in ended:
        error = None if task.cancelled() else task.exception()
        log.error("the %s ended by itself; the cluster stops", task.get_name(), exc_info=error)
    return bool(ended)


async def _cancel(tasks: list[asyncio.Task[None]]) -> bool:
    """Cancel the running tasks and wait for their end.

    Return True if a task did not end in time; it is then killed with the process.
    """
    left = [task for task in tasks if not task.done()]
    for task in left:
        task.cancel()
    if not left:
        return False
    done, late = await asyncio.wait(left, timeout=STOP_SECONDS)
    for task in done:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("the %s failed while it stopped", task.get_name(), exc_info=error)
    for task in late:
        log.error("the %s did not stop in %g s", task.get_name(), STOP_SECONDS)
    return bool(late)


def main(config: str) -> None:
    """Run a cluster from its settings file, then end the process."""
    streams.secure()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    settings = NodeSettings.read(Path(config))
    # Forked now: once the event loop runs, it is too late.
    started = components(settings, ForkedServer(settings.logs / CONTAINERS_LOG))
    # Objects loaded by now live until the end. Excluding them from collections shortens the cluster's GC pauses.
    gc.freeze()
    code = asyncio.run(run(settings, started))
    logging.shutdown()
    # Do not wait for threads or late tasks that hang.
    os._exit(code)


def program() -> None:
    """Run the cluster that the command line names."""
    main(sys.argv[1])


if __name__ == "__main__":
    program()
