"""Fork containers from a small single-threaded process that has all applications loaded.

The node's own process runs an event loop and must not fork. A new interpreter for each pod would take ten times the
time and memory. Requests and reports are JSON, one per line, on a socket inherited from the kubelet. If the socket
closes, the kubelet is gone and all containers are killed.

Requests with an ``id``, each answered with ``{"id", "pid"}`` or ``{"id", "error"}``:

- ``{"id", "start": {app, args, env, address, log, folder, mounts, root}}`` starts a container. An empty ``app`` runs
  ``args`` as a program. ``folder`` is its working directory. ``mounts`` (``mounts.Mount``) are mounted into its view of
  the machine's files; ``root`` is an empty folder that becomes the root of this view.
- ``{"id", "exec": {container, argv, env, console}}`` runs a program in a container. ``console`` is null, or ``{files,
  terminal, folder, writable}``: the paths of standard input, output and error, true for a terminal, the working
  directory, and the folders in which the program may write.

``{"signal": {pid, number, tree}}`` is not answered. ``{"exited": pid, "code"}`` reports an end. The two may cross, so a
signal to a process that has ended has no effect. The code of a killed process is 128 + signal, as in container
runtimes.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import gc
import json
import os
import select
import signal
import socket
import sys
import termios
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

from harness.kit import streams
from harness.kit.files import open_log
from harness.kit.title import set_title
from harness.localkube.apps import http_echo, nginx_hostname, slow_echo, stand_in
from harness.localkube.apps.confinement import confine
from harness.localkube.apps.launch import Launch
from harness.localkube.apps.mounts import Entering, Mount, join
from harness.localkube.apps.programs import MARK, first_process_ignores, kill_marked
from harness.localkube.apps.receipts import receipts_of

#: Every application, by its name in images.
APPS: Mapping[str, Callable[[Launch], int]] = {
    "http-echo": http_echo.main,
    "nginx-hostname": nginx_hostname.main,
    "slow-echo": slow_echo.main,
    "stand-in": stand_in.main,
}

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class _Container:
    """A container that runs.

    Attributes:
        mark: The mark of its processes; empty unless it runs a program of the machine.
        is_mounted: True if it has a view of its own of the machine's files.
        executed: The processes executed in it; each leads a process group.
    """

    mark: str
    is_mounted: bool
    executed: set[int] = field(default_factory=set)


class ForkServer:
    """A loop that receives requests, forks, and reports ends.

    Args:
        control: Socket connected to the kubelet.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._buffer = b""
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        # By the container's main process.
        self._containers: dict[int, _Container] = {}
        self._numbers = count(1)

    def run(self) -> None:
        """Serve until the kubelet closes the socket; all containers have ended when this returns."""
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        try:
            while self._step():
                pass
        finally:
            self._kill_everything()

    def _step(self) -> bool:
        control = self._control.fileno()
        ready, _, _ = select.select([control, self._wake_read], [], [])
        if self._wake_read in ready:
            os.read(self._wake_read, 4096)
        self._reap()
        return control not in ready or self._receive()

    def _receive(self) -> bool:
        try:
            data = self._control.recv(65536)
        except ConnectionError:
            return False
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._handle(json.loads(line))
        return bool(data)

    def _send(self, message: Mapping[str, Any]) -> None:
        # The next receive detects that the kubelet is gone.
        try:
            self._control.sendall(json.dumps(message).encode() + b"\n")
        except ConnectionError:
            return

    def _handle(self, request: Mapping[str, Any]) -> None:
        if "signal" in request:
            self._signal(**request["signal"])
            return
        try:
            pid = self._start(**request["start"]) if "start" in request else self._exec(**request["exec"])
        except (OSError, KeyError, ValueError) as error:
            self._send({"id": request["id"], "error": str(error)})
        else:
            self._send({"id": request["id"], "pid": pid})

    def _start(
        self, *, app: str, args: list[str], env: dict[str, str], address: str, log: str, folder: str = "",
        mounts: Sequence[tuple[str, str, bool]] = (), root: str = "",
    ) -> int:  # fmt: skip
        receipts = str(receipts_of(Path(log))) if app else ""
        launch = Launch(args=tuple(args), env=env, address=address, receipts=receipts)
        mark = "" if app else f"{os.getpid()}-{next(self._numbers)}"
        entering = Entering([Mount(*each) for each in mounts], Path(root)) if mounts else None

        def program(_: Launch) -> int:
            if entering is not None:
                entering.enter()
            return _execute(args, env | {MARK: mark}, folder)

        main = APPS[app] if app else program
        with open_log(Path(log)) as output:
            pid = self._fork((0, output.fileno(), output.fileno()), lambda: main(launch), app or "container")
        if entering is not None and (why := entering.wait()):
            os.waitpid(pid, 0)
            raise ValueError(why)
        self._containers[pid] = _Container(mark, entering is not None)
        return pid

    def _exec(
        self, *, container: int, argv: list[str], env: dict[str, str], console: Mapping[str, Any] | None = None
    ) -> int:
        inside = self._containers.get(container)
        if inside is None:
            raise ValueError("container not running")
        own = {MARK: inside.mark} if inside.mark else {}

        def program() -> int:
            if inside.is_mounted:
                join(container)
            return _execute(argv, env | own) if console is None else _execute_at_console(argv, env | own, console)

        pid = self._run([os.devnull] * 3 if console is None else console["files"], program)
        inside.executed.add(pid)
        return pid

    def _run(self, paths: Sequence[str], body: Callable[[], int]) -> int:
        """Fork a process with these files as its standard input, output and error."""
        modes = (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)
        files: list[int] = []
        try:
            for path, mode in zip(paths, modes, strict=True):
                files.append(os.open(path, mode | os.O_CLOEXEC | os.O_NOCTTY))
            return self._fork(files, body, "container")
        finally:
            for file in files:
                os.close(file)

    def _fork(self, files: Sequence[int], body: Callable[[], int], title: str) -> int:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            set_title(title)
            self._in_child(parent, files, body)
        return pid

    def _in_child(self, parent: int, files: Sequence[int], body: Callable[[], int]) -> NoReturn:
        """Drop the server's state, run the application, and exit; never return into the server's loop."""
        code = 1
        try:
            os.setsid()
            _set_death_signal(parent)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            for number, file in enumerate(files):
                os.dup2(file, number)
            self._control.close()
            os.closerange(3, max(self._wake_write, *files) + 1)
            code = body()
            sys.stdout.flush()
        except BaseException:  # noqa: BLE001 - the child must end here after any error
            traceback.print_exc()
        finally:
            os._exit(code)

    def _signal(self, *, pid: int, number: int, tree: bool) -> None:
        """Signal a process that is not reaped yet; after that, its PID may belong to a process of somebody else."""
        container = self._containers.get(pid)
        if container is None:
            if tree and any(pid in each.executed for each in self._containers.values()):
                self._kill_group(pid, number)
        elif tree:
            for leader in (pid, *container.executed):
                self._kill_group(leader, number)
        elif not (container.mark and first_process_ignores(pid, number)):
            os.kill(pid, number)

    @staticmethod
    def _kill_group(leader: int, number: int) -> None:
        try:
            os.killpg(leader, number)
        except ProcessLookupError:
            # It was just forked and does not lead a group yet. It is not reaped, so its PID is not reused.
            os.kill(leader, number)

    def _reap(self) -> None:
        while (ended := _peek()) is not None:
            # Its PID cannot be reused before it is reaped. Kill its descendants first, as at the end of a
            # container's first process.
            self._kill_group(ended, signal.SIGKILL)
            if (container := self._containers.pop(ended, None)) is not None:
                for executed in container.executed:
                    self._kill_group(executed, signal.SIGKILL)
                if container.mark:
                    kill_marked(container.mark)
            for other in self._containers.values():
                other.executed.discard(ended)
            _, status = os.waitpid(ended, 0)
            code = os.waitstatus_to_exitcode(status)
            self._send({"exited": ended, "code": code if code >= 0 else 128 - code})

    def _kill_everything(self) -> None:
        for pid in list(self._containers):
            self._signal(pid=pid, number=signal.SIGKILL, tree=True)
        for container in self._containers.values():
            if container.mark:
                kill_marked(container.mark)
        while _children_left():
            pass


def _execute(argv: list[str], env: dict[str, str], folder: str = "") -> int:
    try:
        if folder:
            os.chdir(folder)
        # Python ignores these, and a program would inherit that.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        os.execvpe(argv[0], argv, env)  # noqa: S606 - a hook's command runs without a shell, as in a container
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
        return 127 if isinstance(error, FileNotFoundError) else 126


def _execute_at_console(argv: list[str], env: dict[str, str], console: Mapping[str, Any]) -> int:
    """Execute a program that may write only in the folders of its console."""
    if console["terminal"]:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(console["folder"])
    confine([Path(each) for each in console["writable"]])
    return _execute(argv, env)


def _set_death_signal(parent: int) -> None:
    """Have the kernel kill this process when the fork server ends.

    The fork server has one thread, so the signal comes when its process ends.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _peek() -> int | None:
    """Return a child that has ended and is not yet reaped, or None."""
    try:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return None if ended is None else ended.si_pid


def _children_left() -> bool:
    try:
        os.waitpid(-1, 0)
    except ChildProcessError:
        return False
    return True


def main() -> None:
    """Run the fork server: ``python -m harness.localkube.apps.forkserver --control FD``."""
    parser = argparse.ArgumentParser(description="Fork the local cluster's containers; started by its kubelet.")
    parser.add_argument("--control", type=int, required=True, help="file descriptor of a connected socket")
    control = socket.socket(fileno=parser.parse_args().control)
    gc.collect()
    gc.freeze()
    serve(control)


def serve(control: socket.socket) -> None:
    """Make containers until the other end of the socket is closed."""
    set_title("containers")
    # A container continues if the disk is full and its log cannot be written.
    streams.secure()
    devnull = os.open(os.devnull, os.O_RDONLY)
    os.dup2(devnull, 0)
    os.close(devnull)
    # Ctrl-C reaches the whole foreground group, but only the kubelet stops containers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ForkServer(control).run()


if __name__ == "__main__":
    main()
