"""Start the process that makes containers: by a fork of the node's process, or as a fresh interpreter."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Protocol

from harness.kit.files import open_log
from harness.localkube.apps import forkserver


class ContainerServer(Protocol):
    """A fork server that runs.

    Attributes:
        control: Our end of the socket to it.
    """

    control: socket.socket

    def wait(self, seconds: float) -> int:
        """Wait for its end; return its exit code.

        Raises:
            TimeoutError: It still runs.
        """


class ExecutedServer:
    """A fork server in a fresh interpreter, for a process that runs an event loop and therefore must not fork.

    Args:
        log: File for its own output.
    """

    def __init__(self, log: Path) -> None:
        self.control, theirs = socket.socketpair()
        with theirs, open_log(log) as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", forkserver.__name__, "--control", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def wait(self, seconds: float) -> int:
        """Wait for its end; return its exit code."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(str(error)) from error


class ForkedServer:
    """A fork server that is a fork of this process, which must have a single thread and no event loop yet.

    Args:
        log: File for its own output.
    """

    def __init__(self, log: Path) -> None:
        self.control, theirs = socket.socketpair()
        with theirs, open_log(log) as output:
            self._pid = os.fork()
            if self._pid == 0:
                _serve(theirs, output.fileno())
        self._descriptor = os.pidfd_open(self._pid)
        self._code: int | None = None

    def wait(self, seconds: float) -> int:
        """Wait for its end; return its exit code, negative for a signal."""
        if self._code is not None:
            return self._code
        ended = select.poll()
        ended.register(self._descriptor, select.POLLIN)
        if not ended.poll(seconds * 1000):
            raise TimeoutError(f"process {self._pid} still ran after {seconds:g} s")
        os.close(self._descriptor)
        self._code = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        return self._code


def _serve(control: socket.socket, log: int) -> None:
    """Run the server in the process that was just forked, then end that process; never return."""
    code = 1
    try:
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.closerange(3, control.fileno())
        os.closerange(control.fileno() + 1, 65536)
        forkserver.serve(control)
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it was, this process must never return into the node's
        traceback.print_exc()
    finally:
        os._exit(code)
