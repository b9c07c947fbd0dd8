"""The process of a fork server: it imports modules once, and forks children that have them loaded.

``python -P -m harness.kit.zygote CONTROL MODULE...`` imports the modules and sends ``READY`` on the socket ``CONTROL``.
Then it serves requests on that socket. Each packet is a ``ForkRequest`` as JSON, with its descriptors. For each request
it forks a guardian (``harness.kit.guardian``), which forks the child and ends with it. When the socket closes, the
server ends, and its own guardian kills all remaining descendants.

A fork is safe only in a process with one thread and no event loop. A server with another thread, a running asyncio loop
or a hub of gevent therefore refuses to serve. gevent may patch the child only.
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

#: Message of the server when it is ready for requests.
READY = b"ready"

#: Number of descriptors that each request begins with: lifeline, status, ending, input, log. The child's own follow.
FIXED_DESCRIPTORS = 5

#: Maximum length of a request, in bytes.
REQUEST_BYTES = 1 << 20

#: Maximum number of descriptors in a request.
_MOST_DESCRIPTORS = 32
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class UnsafeForkError(Exception):
    """An error about a process that can't fork safely."""


@dataclass(frozen=True, slots=True)
class ForkRequest:
    """A request for a child process.

    Attributes:
        entry: ``module:function``, called without arguments. Its result is the exit code (None is 0).
        argv: The child's ``sys.argv``.
        environment: The whole environment.
        folder: The working directory.
        title: Name of the child in the process list, at most 15 characters.
    """

    entry: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    folder: str
    title: str

    def pack(self) -> bytes:
        """Return the request as one packet."""
        return json.dumps(
            {name: getattr(self, name) for name in self.__slots__} | {"environment": dict(self.environment)}
        ).encode()

    @classmethod
    def unpack(cls, packet: bytes) -> ForkRequest:
        """Return the request in a packet."""
        return cls(**json.loads(packet))


def check_forkable() -> None:
    """Check that a fork of this process is a complete copy of it.

    Raises:
        UnsafeForkError: It has more than one thread, a running asyncio loop, or a hub of gevent.
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
    """A server that forks a child for each request.

    Args:
        control: A connected socket that preserves packet boundaries.
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
        """Reap the guardians that have ended, so that the processor time of their children is counted."""
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return


def _be_guardian(request: ForkRequest, descriptors: list[int], server: int) -> None:
    """Run as the guardian of a child, in the forked process. Does not return."""
    code = 70
    try:
        os.setsid()
        set_title("guardian")
        # The kernel sends this signal if the server is killed.
        _libc.prctl(_PR_SET_PDEATHSIG, guardian.KILL_ALL)
        if os.getppid() != server:
            os._exit(code)
        lifeline, status, ending, _, log = descriptors[:FIXED_DESCRIPTORS]
        os.dup2(log, 1)
        os.dup2(log, 2)
        ended = guardian.guard(lifeline, status, lambda: _be_child(request, descriptors), kept=(ending,))
        os.write(ending, b"%d\n" % os.waitstatus_to_exitcode(ended))
        code = 0
    except BaseException:  # noqa: BLE001 - after any error, this process must not continue in the server's loop
        traceback.print_exc()
    finally:
        os._exit(code)


def _be_child(request: ForkRequest, descriptors: list[int]) -> None:
    """Run as the child, in the process that the guardian has forked. Does not return."""
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
    """Call the child's function, and return its exit code as the interpreter would."""
    try:
        result = entry()
    except SystemExit as end:
        result = end.code
    if result is None or isinstance(result, int):
        return (result or 0) & 0xFF
    sys.stderr.write(f"{result}\n")
    return 1


def _finish() -> None:
    """Run exit functions and flush streams, as the interpreter does when it ends."""
    atexit._run_exitfuncs()  # noqa: SLF001 - there is no public name
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()


def _leave_server(request: ForkRequest, descriptors: list[int]) -> None:
    """Give this process the state of a new interpreter, except for its loaded modules."""
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
    # The mark of this child's guardian, which its descendants inherit.
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
    """Import the modules, and serve requests."""
    set_title("fork-server")
    control = socket.socket(fileno=int(arguments[0]))
    control.set_inheritable(False)
    for module in arguments[1:]:
        importlib.import_module(module)
    try:
        check_forkable()
    except UnsafeForkError as error:
        sys.exit(f"This process must not fork: {error}.")
    # Otherwise the first garbage collection in each child would copy every page.
    gc.collect()
    gc.freeze()
    Zygote(control).run()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
