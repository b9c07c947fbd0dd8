"""Control the fork server from the kubelet: start, signal and await containers, and execute programs in them."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.localkube.apps.mounts import Mount
from harness.localkube.kubelet.container_server import ContainerServer, ExecutedServer

#: Timeout in seconds. The server kills its children and ends as soon as the socket closes, unless the machine hangs.
_END_SECONDS = 60


class RuntimeFailedError(Exception):
    """The fork server rejected a request or has ended."""


@dataclass(frozen=True, slots=True)
class Console:
    """The files that a program of a user reads and writes.

    Attributes:
        files: Paths of its standard input, output and error.
        terminal: True if they are a terminal.
        folder: Its working directory.
        writable: The folders in which it may write.
    """

    files: tuple[str, str, str]
    terminal: bool
    folder: str
    writable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inside:
    """The files that a program of the machine sees.

    Attributes:
        folder: Its working directory; empty for any.
        mounts: What it sees in addition to the machine's files.
        root: An existing empty folder, which its view of the files needs.
    """

    folder: str = ""
    mounts: tuple[Mount, ...] = ()
    root: str = ""


#: Any folder, with the machine's files.
ANYWHERE = Inside()


@dataclass(eq=False, slots=True)
class Process:
    """A process of a container.

    Attributes:
        pid: Its process ID.
        exited: Future of its exit code (128 + signal if it was killed).
    """

    pid: int
    exited: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def alive(self) -> bool:
        """Return True until its end is reported."""
        return not self.exited.done()

    async def wait(self) -> int:
        """Return its exit code; cancelling the wait does not affect the process."""
        return await asyncio.shield(self.exited)


class Runtime:
    """A fork server; leaving its async context kills every container.

    Args:
        log: File for the fork server's own output.
        server: A fork server that runs already; None starts one.
    """

    def __init__(self, log: Path, server: ContainerServer | None = None) -> None:
        self._log = log
        self._given = server
        self._requests: dict[int, asyncio.Future[Process]] = {}
        self._processes: dict[int, Process] = {}
        self._number = 0

    async def __aenter__(self) -> Self:
        self._server = self._given or ExecutedServer(self._log)
        self._reader, self._writer = await asyncio.open_connection(sock=self._server.control)
        self._task = asyncio.create_task(self._listen(), name="container runtime")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._writer.can_write_eof():
            self._writer.write_eof()
        async with asyncio.timeout(_END_SECONDS):
            await self._task
        self._writer.close()
        self._server.wait(_END_SECONDS)

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
        """Start a container's main process.

        Args:
            app: Its application; empty to run ``args`` as a program of the machine.
            args: Arguments of the application, or the program and its arguments.
            env: Its environment.
            address: The address of its pod.
            log: File of its output.
            inside: Where it begins, and what it sees.

        Raises:
            RuntimeFailedError: It was not started.
        """
        order = {"app": app, "args": list(args), "env": dict(env), "address": address, "log": str(log)}
        mounts = [[each.source, each.target, each.read_only] for each in inside.mounts]
        return await self._make({"start": order | {"folder": inside.folder, "mounts": mounts, "root": inside.root}})

    async def execute(
        self, container: Process, argv: Sequence[str], env: Mapping[str, str], console: Console | None = None
    ) -> Process:
        """Run a program next to a container's main process; it is killed when that process ends.

        Args:
            container: The main process.
            argv: The program and its arguments.
            env: Its environment.
            console: Its files, for a program of a user; None for one without input and output.

        Raises:
            RuntimeFailedError: It was not started.
        """
        order = {"container": container.pid, "argv": list(argv), "env": dict(env)}
        return await self._make({"exec": order | {"console": None if console is None else asdict(console)}})

    async def gone(self) -> None:
        """Wait for an unexpected end of the fork server, without which no container can run.

        Raises:
            RuntimeFailedError: It has ended.
        """
        await asyncio.shield(self._task)
        raise RuntimeFailedError(f"the fork server ended by itself with code {self._server.wait(_END_SECONDS)}")

    def terminate(self, process: Process) -> None:
        """Send SIGTERM only to the main process."""
        self._signal(process, signal.SIGTERM, tree=False)

    def kill(self, process: Process) -> None:
        """Kill a process, its descendants and the programs executed next to it."""
        self._signal(process, signal.SIGKILL, tree=True)

    def _signal(self, process: Process, number: signal.Signals, *, tree: bool) -> None:
        if process.alive:
            self._send({"signal": {"pid": process.pid, "number": int(number), "tree": tree}})

    async def _make(self, order: Mapping[str, Any]) -> Process:
        self._number += 1
        number = self._number
        answer: asyncio.Future[Process] = asyncio.get_running_loop().create_future()
        self._requests[number] = answer
        self._send({"id": number, **order})
        # Shielded: if the caller is cancelled, the process is created anyway and must be tracked.
        return await asyncio.shield(answer)

    def _send(self, message: Mapping[str, Any]) -> None:
        self._writer.write(json.dumps(message).encode() + b"\n")

    async def _listen(self) -> None:
        while line := await self._reader.readline():
            self._take(json.loads(line))
        gone = RuntimeFailedError("the fork server is gone")
        for answer in self._requests.values():
            if not answer.done():
                answer.set_exception(gone)
                answer.exception()
        for process in tuple(self._processes.values()):
            self._ended(process.pid, 128 + signal.SIGKILL)

    def _take(self, message: Mapping[str, Any]) -> None:
        if "exited" in message:
            self._ended(message["exited"], message["code"])
            return
        answer = self._requests.pop(message["id"])
        if "error" in message:
            answer.set_exception(RuntimeFailedError(message["error"]))
            answer.exception()
            return
        process = self._processes[message["pid"]] = Process(message["pid"])
        answer.set_result(process)

    def _ended(self, pid: int, code: int) -> None:
        process = self._processes.pop(pid)
        if not process.exited.done():
            process.exited.set_result(code)
