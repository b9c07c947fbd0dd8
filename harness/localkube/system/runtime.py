"""Runs the ingress controller of a pod: a task of the node's own process, with a data plane of its own below it.

A process of its own would have to import what the node has imported already, and a cluster is to be up in a second.
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
from harness.localkube.kubelet.runtime import Process, Runtime, RuntimeFailedError
from harness.localkube.machinery.client import ApiClient
from harness.localkube.settings import NodeSettings

#: What ingress-nginx's preStop hook calls: it asks the controller to end, and waits for it.
WAIT_SHUTDOWN = "/wait-shutdown"


class Play(Protocol):
    """Plays an ingress controller."""

    def __call__(
        self,
        client: ApiClient,
        settings: NodeSettings,
        *,
        address: str,
        ready: Callable[[], None],
        leave: asyncio.Event,
    ) -> Coroutine[Any, Any, None]:
        """Until ``leave`` is set and what is under way has been answered, or until cancelled."""


@dataclass(eq=False, slots=True)
class SystemProcess(Process):
    """A controller that runs.

    Attributes:
        leave: Set when it is to end in order.
        task: It.
    """

    leave: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def end(self, code: int) -> None:
        """Say that it has ended, if nobody has."""
        if not self.exited.done():
            self.exited.set_result(code)


class SystemRuntime:
    """An async context manager; leaving it ends every controller at once.

    Args:
        client: The API server.
        settings: The cluster's.
        plays: How each application is played.
    """

    def __init__(self, client: ApiClient, settings: NodeSettings, plays: Mapping[str, Play]) -> None:
        self._client = client
        self._settings = settings
        self._plays = plays
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

    def plays(self, app: str) -> bool:
        """Whether an application is one of these."""
        return app in self._plays

    async def start(self, app: str, address: str) -> SystemProcess:
        """Start a controller; returns when it serves.

        Raises:
            RuntimeFailedError: It did not come so far.
        """
        ready = asyncio.Event()
        process = SystemProcess(os.getpid())
        play = self._plays[app](self._client, self._settings, address=address, ready=ready.set, leave=process.leave)
        process.task = asyncio.create_task(play, name=app)
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
        """Run a program beside a controller: the one that its image has.

        Raises:
            RuntimeFailedError: It is another.
        """
        if list(argv) != [WAIT_SHUTDOWN]:
            raise RuntimeFailedError(f'exec: "{argv[0]}": executable file not found in $PATH')
        self.terminate(process)
        # Of no task of its own: to give the hook up must not touch the controller.
        hook = SystemProcess(process.pid)
        process.exited.add_done_callback(lambda _: hook.end(0))
        return hook

    async def failed(self) -> None:
        """Wait until a controller has failed by itself; raises what it failed of."""
        await asyncio.shield(self._failed)

    def terminate(self, process: SystemProcess) -> None:
        """What SIGTERM is to it: end in order."""
        process.leave.set()

    def kill(self, process: SystemProcess) -> None:
        """End it at once."""
        if process.task is not None:
            process.task.cancel()

    def _ended(self, process: SystemProcess, task: asyncio.Task[None]) -> None:
        self._running.discard(process)
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._failed.done():
            self._failed.set_exception(error)
            self._failed.exception()  # told by whoever waits, or by nobody: then the cluster goes down anyway
        process.end(128 + signal.SIGKILL if task.cancelled() else int(error is not None))


class NodeRuntime(Runtime):
    """Runs whatever a pod of this node asks for: applications below the fork server, controllers in this process.

    Args:
        log: File for what the fork server itself has to say.
        system: Runs controllers.
        server: As ``Runtime``'s.
    """

    def __init__(self, log: Path, system: SystemRuntime, server: ContainerServer | None = None) -> None:
        super().__init__(log, server)
        self._system = system

    async def start(self, *, app: str, args: Sequence[str], env: Mapping[str, str], address: str, log: Path) -> Process:
        """As ``Runtime.start``."""
        if self._system.plays(app):
            return await self._system.start(app, address)
        return await super().start(app=app, args=args, env=env, address=address, log=log)

    async def execute(self, container: Process, argv: Sequence[str], env: Mapping[str, str]) -> Process:
        """As ``Runtime.execute``."""
        if isinstance(container, SystemProcess):
            return await self._system.execute(container, argv)
        return await super().execute(container, argv, env)

    async def gone(self) -> None:
        """Wait until nothing can run any more: the fork server has ended, or a controller failed; raises why."""
        async with asyncio.TaskGroup() as group:
            group.create_task(super().gone(), name="fork server watch")
            group.create_task(self._system.failed(), name="controller watch")

    def terminate(self, process: Process) -> None:
        """As ``Runtime.terminate``."""
        if isinstance(process, SystemProcess):
            self._system.terminate(process)
        else:
            super().terminate(process)

    def kill(self, process: Process) -> None:
        """As ``Runtime.kill``."""
        if isinstance(process, SystemProcess):
            self._system.kill(process)
        else:
            super().kill(process)
