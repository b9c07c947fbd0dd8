"""Run a program in a container and connect it with a client: `kubectl exec`, and `kubectl cp` through ``tar``.

The program really runs, with the container's environment, as a process of this machine. It sees the machine's files and
may write only in a folder of its pod, in which it begins; see ``apps.confinement``.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import secrets
import shutil
import struct
import termios
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from aiohttp import web

from harness.localkube.apps import confinement
from harness.localkube.kubelet.handlers import RunningContainer
from harness.localkube.kubelet.runtime import Console, Runtime, RuntimeFailedError
from harness.localkube.kubelet.streaming import channels
from harness.localkube.kubelet.streaming.channels import ExecChannel
from harness.localkube.system.runtime import SystemProcess

_CHUNK = 32 * 1024
#: Seconds that output may take after the program's end; a process that it left behind may hold it open.
_LAST_OUTPUT = 2.0
_DEVICE_END = b"\x04"

_NO_CONSOLE = "the ingress controller runs in the embedded cluster's own process, in which no program can be executed"


@dataclass(frozen=True, slots=True)
class ExecOptions:
    """The program that a client wants to run, and its connections.

    Attributes:
        command: The program and its arguments.
        stdin: True to connect its input.
        tty: True to give it a terminal.
    """

    command: Sequence[str]
    stdin: bool
    tty: bool


class Ends:
    """Our ends of the files that a program reads and writes; leaving the context closes all.

    Args:
        options: What is connected.

    Attributes:
        input: The descriptor to write its input to; None if it has none.
        outputs: The descriptors to read, by channel.
        files: The paths that the program opens.
    """

    def __init__(self, options: ExecOptions) -> None:
        self._theirs: list[int] = []
        self._stack = ExitStack()
        self._inputs = self._stack.enter_context(ExitStack())
        self.input: int | None = None
        self.outputs: dict[ExecChannel, int] = {}
        if options.tty:
            self._open_terminal()
        else:
            self._open_pipes(stdin=options.stdin)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release_theirs()
        self._stack.close()

    def release_theirs(self) -> None:
        """Close the ends of the program, once it has opened them."""
        while self._theirs:
            os.close(self._theirs.pop())

    def close_input(self) -> None:
        """End the program's input; a second call does nothing."""
        if self.input is not None:
            self._inputs.close()
            self.input = None

    def resize(self, width: int, height: int) -> None:
        """Set the size of the terminal."""
        with suppress(OSError):
            fcntl.ioctl(self.outputs[ExecChannel.STDOUT], termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def _open_terminal(self) -> None:
        ours, theirs = os.openpty()
        self._theirs.append(theirs)
        self.files = (os.ttyname(theirs),) * 3
        self.outputs[ExecChannel.STDOUT] = self._keep(ours)
        self.input = self._keep_input(os.dup(ours))

    def _open_pipes(self, *, stdin: bool) -> None:
        first = os.devnull
        if stdin:
            theirs, ours = os.pipe()
            first, self.input = self._give(theirs), self._keep_input(ours)
        paths = []
        for channel in (ExecChannel.STDOUT, ExecChannel.STDERR):
            ours, theirs = os.pipe()
            self.outputs[channel] = self._keep(ours)
            paths.append(self._give(theirs))
        self.files = (first, paths[0], paths[1])

    def _give(self, descriptor: int) -> str:
        self._theirs.append(descriptor)
        return f"/proc/{os.getpid()}/fd/{descriptor}"

    def _keep_input(self, descriptor: int) -> int:
        os.set_blocking(descriptor, False)
        self._inputs.callback(os.close, descriptor)
        return descriptor

    def _keep(self, descriptor: int) -> int:
        os.set_blocking(descriptor, False)
        self._stack.callback(os.close, descriptor)
        return descriptor


def refusal(target: RunningContainer, command: Sequence[str]) -> str:
    """Return why a container cannot run a command; empty if it can.

    The words for a missing program are those of containerd.
    """
    if isinstance(target.process, SystemProcess):
        return _NO_CONSOLE
    if not confinement.version():
        return "the embedded cluster executes programs only on a kernel with Landlock, which confines them"
    if target.shell and shutil.which(command[0], path=target.env.get("PATH", os.defpath)):
        return ""
    where = "stat {0}: no such file or directory" if "/" in command[0] else "executable file not found in $PATH"
    start = f'failed to start exec "{secrets.token_hex(32)}"'
    return (
        f"Internal error occurred: error executing command in container: failed to exec in container: {start}: "
        "OCI runtime exec failed: exec failed: unable to start container process: "
        f'exec: "{command[0]}": {where.format(command[0])}: unknown'
    )


async def serve(
    socket: web.WebSocketResponse, runtime: Runtime, target: RunningContainer, options: ExecOptions, folder: Path
) -> None:
    """Run a program and connect it with a client until it ends; send the result last.

    Args:
        socket: The client.
        runtime: Runtime of the containers.
        target: The container.
        options: What to run.
        folder: The folder of its pod, in which it begins and may write.
    """
    if why := refusal(target, options.command):
        await channels.send_result(socket, channels.failed(why))
        return
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    with Ends(options) as ends:
        try:
            process = await runtime.execute(
                target.process, options.command, _environment(target.env, options, folder),
                Console(ends.files, options.tty, str(folder), (str(folder),)),
            )  # fmt: skip
        except RuntimeFailedError as error:
            await channels.send_result(socket, channels.failed(str(error)))
            return
        finally:
            ends.release_theirs()
        reading = [asyncio.create_task(_pump(fd, socket, channel)) for channel, fd in ends.outputs.items()]
        writing = asyncio.create_task(_feed(socket, ends, tty=options.tty))
        try:
            code = await process.wait()
            await asyncio.wait(reading, timeout=_LAST_OUTPUT)
        finally:
            for task in (*reading, writing):
                task.cancel()
            await asyncio.gather(*reading, writing, return_exceptions=True)
        await channels.send_result(socket, channels.exited(code))


def _environment(env: Mapping[str, str], options: ExecOptions, folder: Path) -> dict[str, str]:
    """Return the container's environment, with the only folder that can be written as its home."""
    return {**env, "HOME": str(folder), "TMPDIR": str(folder), **({"TERM": "xterm"} if options.tty else {})}


async def _pump(descriptor: int, socket: web.WebSocketResponse, channel: ExecChannel) -> None:
    """Send what a program writes."""
    while True:
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            await _ready(descriptor, write=False)
            continue
        except OSError:  # A terminal whose last user has gone fails in this way.
            return
        if not data:
            return
        try:
            await channels.send(socket, channel, data)
        except ConnectionError:
            return


async def _feed(socket: web.WebSocketResponse, ends: Ends, *, tty: bool) -> None:
    """Pass on what the client sends until it is gone."""
    async for message in channels.messages(socket):
        if message.channel == ExecChannel.STDIN and ends.input is not None:
            await _write(ends.input, message.data)
        elif message.channel == ExecChannel.RESIZE and tty:
            size = json.loads(message.data)
            ends.resize(int(size["Width"]), int(size["Height"]))
        elif message.ends_input:
            await _end_input(ends, tty=tty)
    await _end_input(ends, tty=tty)


async def _end_input(ends: Ends, *, tty: bool) -> None:
    if tty and ends.input is not None:
        await _write(ends.input, _DEVICE_END)
    else:
        ends.close_input()


async def _write(descriptor: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            await _ready(descriptor, write=True)
        except OSError:  # The program reads no more.
            return


async def _ready(descriptor: int, *, write: bool) -> None:
    """Wait until a descriptor can be read or written."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    add, remove = (loop.add_writer, loop.remove_writer) if write else (loop.add_reader, loop.remove_reader)
    add(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        remove(descriptor)
