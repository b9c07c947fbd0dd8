"""Starts child processes by forks of a server, since a fork takes milliseconds and an import half a second.

A ``ForkServerProcess`` is one server process (``harness.kit.zygote``), which has imported the modules. Each child that
it forks is a ``ManagedProcess`` with a guardian, a lifeline, a log and an exit code.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BufferedWriter, FileIO
from pathlib import Path
from select import POLLIN, poll
from signal import SIGKILL
from sys import executable
from types import TracebackType
from typing import IO, Self

from harness.errors import HarnessError
from harness.kit import guardian
from harness.kit.files import open_log
from harness.kit.processes import ManagedProcess
from harness.kit.waiting import wait_until
from harness.kit.zygote import READY, ForkRequest

#: Seconds for a server to import its modules, on a busy machine.
READY_SECONDS = 120.0

#: Environment of a server: numerical libraries start no threads, because a fork would lose them.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class Template:
    """The properties that all children of one server share.

    Attributes:
        name: Name for messages and for the log, such as "traffic".
        modules: Modules that the server imports once.
        entry: ``module:function`` that each child calls.
        title: Name of each child in the process list, at most 15 characters.
        environment: Variables that the server gets in addition to those of this process.
    """

    name: str
    modules: tuple[str, ...]
    entry: str
    title: str
    environment: Mapping[str, str] = field(default_factory=dict)


class ForkServerProcess:
    """One server process. ``start`` makes it, ``stop`` ends it."""

    def __init__(self, template: Template, process: ManagedProcess, control: socket.socket) -> None:
        self.template = template
        self._process = process
        self._control = control
        self._started = guardian.start_ticks(process.pid)
        self._is_ready = False
        self._lock = threading.Lock()

    @classmethod
    def start(cls, template: Template, log: Path) -> ForkServerProcess:
        """Start a server, and return before it has imported its modules.

        Raises:
            HarnessError: It could not be started.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = ManagedProcess.start(
                [executable, "-P", "-m", "harness.kit.zygote", str(theirs.fileno()), *template.modules],
                name=f"the fork server ({template.name})",
                log=log,
                env={**os.environ, **_ONE_THREAD, **template.environment},
                pass_fds=(theirs.fileno(),),
            )
        return cls(template, process, ours)

    @property
    def pid(self) -> int:
        """Return the server's process id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Return True while the server runs. Its children end soon after it."""
        return guardian.running(self.pid, self._started)

    def stop(self) -> None:
        """End the server and all its children."""
        self._control.close()
        self._process.stop()

    def spawn(
        self,
        argv: Sequence[str],
        *,
        name: str,
        log: Path,
        env: Mapping[str, str] | None = None,
        stdin_pipe: bool = False,
        pass_fds: tuple[int, ...] = (),
    ) -> ManagedProcess:
        """Start a child, and return when it runs. See ``ManagedProcess.start``.

        Args:
            argv: The command that would start it in a new interpreter: ``python ... -m MODULE ARGUMENT...``. The child
                gets the module and the arguments as its ``sys.argv``.
            name: Name for messages.
            log: File to which its standard output and error are appended.
            env: Its whole environment; None for that of this process.
            stdin_pipe: True for a pipe for ``write_line``; otherwise its standard input is empty.
            pass_fds: Descriptors that it gets copies of, with other numbers.

        Raises:
            HarnessError: The server has ended.
        """
        self._wait_ready()
        request = ForkRequest(
            entry=self.template.entry,
            argv=argv[argv.index("-m") + 1 :],
            environment=os.environ if env is None else env,
            folder=str(Path.cwd()),
            title=self.template.title,
        )
        with contextlib.ExitStack() as theirs, contextlib.ExitStack() as ours:
            lifeline, our_lifeline = _pipe(theirs, ours)
            status, their_status = _pipe(ours, theirs)
            ending, their_ending = _pipe(ours, theirs)
            if stdin_pipe:
                their_input, our_input = _pipe(theirs, ours)
            else:
                their_input, our_input = theirs.enter_context(FileIO(os.devnull, "r")), None
            output = theirs.enter_context(open_log(log))
            sent = (lifeline, their_status, their_ending, their_input, output)
            with contextlib.suppress(OSError):  # the server has ended; the missing answer shows it
                descriptors = [*(end.fileno() for end in sent), *pass_fds]
                socket.send_fds(self._control, [request.pack()], descriptors)
            theirs.close()
            words = status.read().split()
            status.close()
            if len(words) != 2:
                raise self._ended()
            lifeline_kept = os.dup(our_lifeline.fileno())
            our_lifeline.close()
            ours.pop_all()
        return ManagedProcess(
            _ForkedGuard(self, ending, our_input, log),
            pid=int(words[0]),
            name=name,
            argv=argv,
            log=log,
            lifeline=lifeline_kept,
        )

    def _wait_ready(self) -> None:
        """Wait until the server has imported its modules."""
        with self._lock:
            if self._is_ready:
                return

            def answered() -> bool:
                waiting = poll()
                waiting.register(self._control, POLLIN)
                return bool(waiting.poll(0))

            what = f"{self._process.name} to import {', '.join(self.template.modules)}"
            wait_until(answered, timeout=READY_SECONDS, what=what, interval=0.01)
            with contextlib.suppress(OSError):
                self._is_ready = self._control.recv(64) == READY
            if not self._is_ready:
                raise self._ended()

    def _ended(self) -> HarnessError:
        return HarnessError(f"T{self._process.name[1:]} ended by itself.", detail=self._process.tail())


def _pipe(reads: contextlib.ExitStack, writes: contextlib.ExitStack) -> tuple[FileIO, FileIO]:
    """Return the ends of a new pipe, each closed by its own stack."""
    reader, writer = os.pipe()
    return reads.enter_context(FileIO(reader, "r")), writes.enter_context(FileIO(writer, "w"))


class _ForkedGuard:
    """A guardian that is not a child of this process, with the methods of ``subprocess.Popen`` that are needed.

    The guardian writes the child's exit code into a pipe. The end of the pipe shows that the guardian has ended.
    """

    def __init__(self, server: ForkServerProcess, ending: FileIO, our_input: FileIO | None, log: Path) -> None:
        self.stdin: IO[bytes] | None = None if our_input is None else BufferedWriter(our_input)
        self._server = server
        self._ending = ending
        self._log = log
        self._output = b""
        self._code: int | None = None
        self._lock = threading.Lock()
        os.set_blocking(ending.fileno(), False)

    def poll(self) -> int | None:
        """Return the child's exit code, negative for a signal; None while the guardian runs."""
        with self._lock:
            if self._code is None:
                self._read()
            return self._code

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the guardian's end, and return the child's exit code.

        Raises:
            subprocess.TimeoutExpired: It still runs.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._lock:
            # A copy, because another thread may read the end first and close the original.
            watched = None if self._code is not None else FileIO(os.dup(self._ending.fileno()))
        with watched or contextlib.nullcontext():
            while (code := self.poll()) is None:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise subprocess.TimeoutExpired(self._server.template.name, timeout or 0.0)
                waiting = poll()
                waiting.register(watched or self._ending, POLLIN)
                waiting.poll(None if left is None else left * 1000)
        return code

    def _read(self) -> None:
        """Read the output of the guardian, and set the exit code when the pipe ends."""
        while True:
            read = self._ending.read(64)
            if read is None:
                return
            if not read:
                break
            self._output += read
        self._ending.close()
        is_whole = self._output.endswith(b"\n")
        self._code = int(self._output) if is_whole else -SIGKILL
        if self._code != -SIGKILL:
            return
        # After the server's end, the guardian kills the child and reports that, or is killed before it can.
        server = self._server
        if not server.is_running:
            self._explain(f"its fork server (process {server.pid}) has ended")
        elif not is_whole:
            self._explain("its guardian was killed")

    def _explain(self, cause: str) -> None:
        """Write the reason why the child was killed into its log, where a reader looks for it."""
        with open_log(self._log) as log:
            log.write(f"harness: this process was killed: {cause}\n".encode())


class ForkServers:
    """The fork servers of a run, one for each template, as a context manager. Each starts at its first use.

    Args:
        folder: Folder for their logs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._servers: dict[str, ForkServerProcess] = {}
        self._lock = threading.Lock()
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock, contextlib.ExitStack() as stack:
            self._is_closed = True
            for server in self._servers.values():
                stack.callback(server.stop)

    def of(self, template: Template) -> ForkServerProcess:
        """Return the server of a template. Replace one that has ended.

        Raises:
            HarnessError: It could not be started.
        """
        with self._lock:
            if self._is_closed:
                raise HarnessError(f"The fork server ({template.name}) was stopped with its run.")
            server = self._servers.get(template.name)
            if server is None or not server.is_running:
                if server is not None:
                    server.stop()
                server = ForkServerProcess.start(template, self._folder / f"{template.name}.log")
                self._servers[template.name] = server
            return server
