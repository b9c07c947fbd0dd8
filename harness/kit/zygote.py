"""A process that imports modules once and forks children in which they are loaded: the server of a fork server.

``python -P -m harness.kit.zygote CONTROL MODULE...`` imports the modules, says so, and then serves requests that come
on the socket ``CONTROL``, one per packet: a ``ForkRequest`` as JSON, with its descriptors. For each it forks a
guardian (``harness.kit.guardian``), which forks the child and ends with it. The end of the socket ends the server, and
its own guardian kills all that is left below it.

To fork is safe in a process with one thread and no event loop only. So a server that finds another thread, a running
asyncio loop or a hub of gevent refuses to serve. gevent's patches, too, belong into the child.
"""

from __future__ import annotations

import asyncio
import atexit
import ctypes
import gc
import importlib
import json
import logging
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.kit import guardian
from harness.kit.title import set_title

#: What the server says on its socket once it serves.
READY = b"ready"

#: Descriptors that come with each request, before those that the child keeps: lifeline, status, end, input, log.
FIXED_DESCRIPTORS = 5

#: Longest request, in bytes.
REQUEST_BYTES = 1 << 20

#: Most descriptors that a child may be given.
_MOST_DESCRIPTORS = 32
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class UnsafeForkError(Exception):
    """The process must not fork."""


@dataclass(frozen=True, slots=True)
class ForkRequest:
    """An order to fork a child.

    Attributes:
        entry: ``module:function``; called without arguments, and its result is the exit code (None is 0).
        argv: Becomes ``sys.argv``.
        environment: The whole environment.
        folder: The working folder.
        title: What the kernel calls the process, at most 15 characters.
    """

    entry: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: str
    title: str

    def pack(self) -> bytes:
        """Return it as one packet."""
        return json.dumps(
            {name: getattr(self, name) for name in self.__slots__} | {"environment": dict(self.environment)}
        ).encode()

    @classmethod
    def unpack(cls, packet: bytes) -> ForkRequest:
        """Return what was packed."""
        return cls(**json.loads(packet))


def check_forkable() -> None:
    """Make sure that a fork of this process is a whole copy of it.

    Raises:
        UnsafeForkError: It has more than one thread, an event loop of asyncio that runs, or a hub of gevent.
    """
    threads = sum(1 for _ in Path("/proc/self/task").iterdir())
    if threads != 1:
        raise UnsafeForkError(f"it has {threads} threads")
    if asyncio.events._get_running_loop() is not None:  # noqa: SLF001 - the public function raises without one
        raise UnsafeForkError("an asyncio loop runs in it")
    hubs = sys.modules.get("gevent._hub_local")
    if hubs is not None and hubs.get_hub_if_exists() is not None:
        raise UnsafeForkError("gevent's hub has been started in it")
    patches = sys.modules.get("gevent.monkey")
    if patches is not None and patches.is_module_patched("socket"):
        raise UnsafeForkError("gevent has patched it")


class Zygote:
    """The loop: requests in, forks out.

    Args:
        control: A connected socket that keeps packets apart.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._wake, self._waker = os.pipe()
        for end in (self._wake, self._waker):
            os.set_blocking(end, False)

    def run(self) -> None:
        """Serve until the other end of the socket is closed."""
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        self._control.send(READY)
        control = self._control.fileno()
        while True:
            ready, _, _ = select.select([control, self._wake], [], [])
            if self._wake in ready:
                os.read(self._wake, 4096)
            self._reap()
            if control in ready and not self._receive():
                return

    def _receive(self) -> bool:
        packet, descriptors, _, _ = socket.recv_fds(self._control, REQUEST_BYTES, _MOST_DESCRIPTORS)
        if not packet:
            return False
        try:
            check_forkable()
            server = os.getpid()
            if os.fork() == 0:
                _be_guardian(ForkRequest.unpack(packet), descriptors, server)
        finally:
            for number in descriptors:
                os.close(number)
        return True

    @staticmethod
    def _reap() -> None:
        """Collect the guardians that have ended, so that what they and theirs have used is accounted for."""
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return


def _be_guardian(request: ForkRequest, descriptors: list[int], server: int) -> None:
    """Be the guardian of a child, in the process that was just forked; does not return."""
    code = 70
    try:
        os.setsid()
        set_title("guardian")
        # In case the server is killed, and its guardian, too.
        _libc.prctl(_PR_SET_PDEATHSIG, guardian.KILL_ALL)
        if os.getppid() != server:
            os._exit(code)
        lifeline, status, ending, _, log = descriptors[:FIXED_DESCRIPTORS]
        os.dup2(log, 1)
        os.dup2(log, 2)
        ended = guardian.guard(lifeline, status, lambda: _be_child(request, descriptors), kept=(ending,))
        os.write(ending, b"%d\n" % os.waitstatus_to_exitcode(ended))
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it was, this process must never return into the server's loop
        traceback.print_exc()
    finally:
        os._exit(code)


def _be_child(request: ForkRequest, descriptors: list[int]) -> None:
    """Be the child, in the process that the guardian has forked; does not return."""
    code = 1
    try:
        _leave_server(request, descriptors)
        module, _, function = request.entry.partition(":")
        code = _call(getattr(importlib.import_module(module), function))
        _finish()
    except BaseException:  # noqa: BLE001 - as above
        traceback.print_exc()
    finally:
        os._exit(code)


def _call(entry: Any) -> int:
    """Call the child's function; return its exit code, as the interpreter would."""
    try:
        result = entry()
    except SystemExit as end:
        result = end.code
    if result is None or isinstance(result, int):
        return (result or 0) & 0xFF
    sys.stderr.write(f"{result}\n")
    return 1


def _finish() -> None:
    """Do what the interpreter does at its end, without taking everything apart."""
    atexit._run_exitfuncs()  # noqa: SLF001 - there is no public name
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()


def _leave_server(request: ForkRequest, descriptors: list[int]) -> None:
    """Make this process what a fresh interpreter would be, but for the modules that are loaded."""
    kept = descriptors[FIXED_DESCRIPTORS:]
    signal.set_wakeup_fd(-1)
    for default in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, guardian.KILL_ALL):
        signal.signal(default, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(descriptors[3], 0)
    low = 3
    for number in sorted(kept):
        os.closerange(low, number)
        low = number + 1
    os.closerange(low, 65536)
    os.chdir(request.folder)
    # The mark of this very child; what it executes inherits it.
    environment = dict(request.environment) | {guardian.MARK: os.environ[guardian.MARK]}
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = list(request.argv)
    set_title(request.title)
    # ``random`` seeds itself after a fork; numpy does not.
    numpy = sys.modules.get("numpy.random")
    if numpy is not None:
        numpy.seed()


def main(arguments: Sequence[str]) -> None:
    """Import what is to be loaded, and serve."""
    set_title("fork-server")
    control = socket.socket(fileno=int(arguments[0]))
    control.set_inheritable(False)
    for module in arguments[1:]:
        importlib.import_module(module)
    try:
        check_forkable()
    except UnsafeForkError as error:
        sys.exit(f"This process must not fork: {error}.")
    # Else the first collection in each child would copy every page.
    gc.collect()
    gc.freeze()
    Zygote(control).run()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
