"""Run a pod's ingress controller as a task of the node's process; its data plane is a child process.

A separate process would have to repeat the node's imports, and a cluster must start within a second.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from harness.localkube.kubelet.container_server import ContainerServer
from harness.localkube.kubelet.runtime import ANYWHERE, Console, Inside, Process, Runtime, RuntimeFailedError
from harness.localkube.machinery.client import ApiClient
from harness.localkube.settings import NodeSettings

#: Program that ingress-nginx's preStop hook calls: it asks the controller to stop, and waits for its end.
WAIT_SHUTDOWN = "/wait-shutdown"


class RunController(Protocol):
    """A function that runs an ingress controller."""

    def __call__(
        self,
        client: ApiClient,
        settings: NodeSettings,
        *,
        address: str,
        ready: Callable[[], None],
        leave: asyncio.Event,
        log: Path,
    ) -> Coroutine[Any, Any, None]:
        """Run until ``leave`` is set and the requests in flight are answered, or until cancelled.

        ``log`` is the file of its container's log.
        """


@dataclass(eq=False, slots=True)
class SystemProcess(Process):
    """A running ingress controller, in the form of a process.

    Attributes:
        leave: Set to stop it gracefully.
        task: The controller's task.
    """

    leave: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def end(self, code: int) -> None:
        """Report its end unless it is reported already."""
        if not self.exited.done():
            self.exited.set_result(code)


class SystemRuntime:
    """The runtime of ingress controllers; leaving its async context ends every controller at once.

    Args:
        client: The API server.
        settings: The cluster's settings.
        controllers: The function that runs each application, by the application's name.
    """

    def __init__(self, client: ApiClient, settings: NodeSettings, controllers: Mapping[str, RunController]) -> None:
        self._client = client
        self._settings = settings
        self._controllers = controllers
        self._running: set[SystemProcess] = set()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        tasks = [process.task for process in self._running if process.task is not None]
        for process in tuple(self._running):
            self.kill(process)
        await asyncio.gather(*tasks, return_exceptions=True)
        self._failed.cancel()

    def handles(self, app: str) -> bool:
        """Return True if an application is an ingress controller."""
        return app in self._controllers

    async def start(self, app: str, address: str, log: Path) -> SystemProcess:
        """Start a controller that logs to a file; return when it serves.

        Raises:
            RuntimeFailedError: The controller ended before it served.
        """
        ready = asyncio.Event()
        process = SystemProcess(os.getpid())
        running = self._controllers[app](
            self._client, self._settings, address=address, ready=ready.set, leave=process.leave, log=log
        )
        process.task = asyncio.create_task(running, name=app)
        self._running.add(process)
        process.task.add_done_callback(lambda task: self._ended(process, task))
        waiting = asyncio.create_task(ready.wait(), name=f"start of {app}")
        try:
            await asyncio.wait({waiting, process.task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if not ready.is_set():
            raise RuntimeFailedError(f"{app} did not start")
        return process

    async def execute(self, process: SystemProcess, argv: Sequence[str]) -> Process:
        """Run a program in a controller's container; its image has only ``WAIT_SHUTDOWN``.

        Raises:
            RuntimeFailedError: The image does not contain the program.
        """
        if list(argv) != [WAIT_SHUTDOWN]:
            raise RuntimeFailedError(f'exec: "{argv[0]}": executable file not found in $PATH')
        self.terminate(process)
        # The hook has no task, so that its cancellation does not affect the controller.
        hook = SystemProcess(process.pid)
        process.exited.add_done_callback(lambda _: hook.end(0))
        return hook

    async def failed(self) -> None:
        """Wait until a controller fails, and raise its error."""
        await asyncio.shield(self._failed)

    def terminate(self, process: SystemProcess) -> None:
        """Stop a controller gracefully, as SIGTERM does."""
        process.leave.set()

    def kill(self, process: SystemProcess) -> None:
        """End a controller at once."""
        if process.task is not None:
            process.task.cancel()

    def _ended(self, process: SystemProcess, task: asyncio.Task[None]) -> None:
        self._running.discard(process)
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._failed.done():
            self._failed.set_exception(error)
            self._failed.exception()  # mark as retrieved: without a waiter the cluster is stopping anyway
        process.end(128 + signal.SIGKILL if task.cancelled() else int(error is not None))


class NodeRuntime(Runtime):
    """Runs the containers of this node: applications in the fork server, controllers in this process.

    Args:
        log: File for the fork server's own output.
        system: Runtime of the controllers.
        server: A fork server that runs already, as ``Runtime`` takes it.
    """

    def __init__(self, log: Path, system: SystemRuntime, server: ContainerServer | None = None) -> None:
        super().__init__(log, server)
        self._system = system

    async def start(
        self,
        *,
        app: str,
        args: Sequence[str],
        env: Mapping[str, str],
        address: str,
        log: Path,
        inside: Inside = ANYWHERE,
    ) -> Process:
        """Start a controller here, or any other application in the fork server."""
        if self._system.handles(app):
            return await self._system.start(app, address, log)
        return await super().start(app=app, args=args, env=env, address=address, log=log, inside=inside)

    async def execute(
        self, container: Process, argv: Sequence[str], env: Mapping[str, str], console: Console | None = None
    ) -> Process:
        """Run a program in a controller's container, or in any other one through the fork server."""
        if isinstance(container, SystemProcess):
            return await self._system.execute(container, argv)
        return await super().execute(container, argv, env, console)

    async def gone(self) -> None:
        """Wait until the fork server has ended or a controller has failed, and raise the error."""
        async with asyncio.TaskGroup() as group:
            group.create_task(super().gone(), name="fork server watch")
            group.create_task(self._system.failed(), name="controller watch")

    def terminate(self, process: Process) -> None:
        """Stop a controller gracefully, or send SIGTERM to any other process."""
        if isinstance(process, SystemProcess):
            self._system.terminate(process)
        else:
            super().terminate(process)

    def kill(self, process: Process) -> None:
        """End a controller at once, or kill any other process."""
        if isinstance(process, SystemProcess):
            self._system.kill(process)
        else:
            super().kill(process)
