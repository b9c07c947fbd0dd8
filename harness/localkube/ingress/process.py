"""Run nginx as a child process: start it, reload its configuration, and end it with all its workers."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.errors import BringUpError
from harness.kit.files import open_log, tail
from harness.kit.leftovers import leave_mark
from harness.kit.processes import run
from harness.localkube.nginx.record import NginxInstall

#: Timeout in seconds. After SIGTERM nginx drops its connections and ends at once, unless it hangs.
_TERMINATE_SECONDS = 1.0
#: Timeout in seconds. A check takes milliseconds, unless the machine is busy.
_TEST_SECONDS = 60.0


class NginxProcess:
    """An nginx master and its workers; use it as an async context manager.

    ``configuration`` must be written before the context is entered. The master leads its own process group, so that the
    workers can be ended even if the master is gone.

    Args:
        install: The nginx installation.
        directory: Existing folder for ``nginx.conf``, ``error.log`` and temporary files.
        listeners: Addresses and ports that must be free; with SO_REUSEPORT nginx would share them.
    """

    def __init__(self, install: NginxInstall, directory: Path, listeners: Sequence[tuple[str, int]]) -> None:
        self.configuration = directory / "nginx.conf"
        self._install = install
        self._directory = directory
        self._listeners = listeners
        self._master: subprocess.Popen[bytes] | None = None
        self._ended = asyncio.Event()
        self._descriptor = -1

    async def __aenter__(self) -> Self:
        for address, port in self._listeners:
            _must_be_free(address, port)
        # nginx overwrites its environment with its title, so the mark in the environment that names its owner is lost.
        leave_mark(self._directory)
        with open_log(self._log) as log:
            self._master = subprocess.Popen(  # noqa: ASYNC220 - the start takes a millisecond; a pidfd reports the end
                self._argv(), env=self._install.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, cwd=self._directory,
            )  # fmt: skip
        self._descriptor = os.pidfd_open(self._master.pid)
        asyncio.get_running_loop().add_reader(self._descriptor, self._has_ended)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        master = self._master
        if master is None:
            return
        # Popen.terminate would reap a master that has ended. Until then, no other process group can get its number.
        os.kill(master.pid, signal.SIGTERM)
        # A second cancellation may end the wait early, but never skips the kill.
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), _TERMINATE_SECONDS)
        finally:
            os.killpg(master.pid, signal.SIGKILL)
            master.wait()
            self._has_ended()

    @property
    def pid(self) -> int:
        """Return the master's process ID."""
        if self._master is None:
            raise RuntimeError("nginx is not running")
        return self._master.pid

    async def ended(self) -> None:
        """Wait until the master has ended for any reason."""
        await self._ended.wait()

    def reload(self) -> None:
        """Start new workers with the current configuration; the old ones finish their requests."""
        os.kill(self.pid, signal.SIGHUP)

    def quit(self) -> None:
        """Stop gracefully: accept no connections, close idle ones, answer the requests in flight."""
        os.kill(self.pid, signal.SIGQUIT)

    async def test(self, candidate: Path) -> None:
        """Check a configuration file.

        Raises:
            CommandError: nginx rejects it; the error contains nginx's message.
            MissingToolError: The nginx binary no longer exists.
        """
        argv = [*self._argv(candidate), "-t", "-q"]
        await asyncio.to_thread(run, argv, timeout=_TEST_SECONDS, env=self._install.environment())

    def failure(self, what: str) -> BringUpError:
        """Return an error about nginx with the end of its log."""
        return BringUpError(f"nginx {what}.", detail=tail(self._log))

    @property
    def _log(self) -> Path:
        return self._directory / "error.log"

    def _argv(self, configuration: Path | None = None) -> list[str]:
        path = str(configuration or self.configuration)
        return [str(self._install.binary), "-p", str(self._directory), "-e", str(self._log), "-c", path]

    def _has_ended(self) -> None:
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
        self._ended.set()


def _must_be_free(address: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError as error:
            raise BringUpError(
                f"The ingress cannot listen on {address}:{port}: {error.strerror}.",
                hint="Another process listens there, or on that port at all addresses; stop it.",
            ) from error
