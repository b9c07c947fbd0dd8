"""A process between the harness and one child, which ends the child's whole tree when the harness ends.

A process can't clean up after its own SIGKILL, so another one must. The guardian adopts every orphan below it
(PR_SET_CHILD_SUBREAPER) and holds the read end of a pipe whose only write end is in the harness. When the pipe closes,
or when the child ends, the guardian kills all remaining descendants and ends with the child's code.

It runs as a script (``python -I -S guardian.py LIFELINE STATUS COMMAND...``) for each child, so it imports few modules
and nothing of the package. ``LIFELINE`` is the descriptor of the pipe, or ``-1`` for a child that outlives the harness;
the guardian is then a daemon. A byte on the lifeline is a signal for the child. ``STATUS`` is a pipe that gets the
process ids of child and guardian and, if the command can't be run, an errno. It closes when the command runs.

The guardian passes SIGTERM, SIGINT and SIGHUP on to the child, and kills all descendants after ``PATIENCE`` seconds.

A fork server (``harness.kit.zygote``) calls ``guard`` in a forked process, with a function instead of a command.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36

#: Seconds that a child has to end after a signal to the guardian.
PATIENCE = 10.0

#: Signal that makes a guardian kill all its descendants at once: the kernel sends it when the fork server ends.
KILL_ALL = signal.SIGUSR1

#: Environment variable of all descendants of a guardian: "<guardian's pid>.<its start in ticks>".
MARK = "HARNESS_RUN"

_libc = ctypes.CDLL(None)


def start_ticks(pid: int) -> int:
    """Return the start of a process in clock ticks since boot, which identifies it together with its pid.

    0 if there is no such process.
    """
    fields = _stat(pid)
    return int(fields[19]) if fields else 0


def running(pid: int, started: int) -> bool:
    """Return True if the process with this pid and start still runs. A zombie does not run."""
    fields = _stat(pid)
    return bool(fields) and int(fields[19]) == started and fields[0] not in (b"Z", b"X")


def send(pid: int, started: int, number: int) -> bool:
    """Send a signal to the process with this pid and start. Return False if it has ended.

    The signal goes through a descriptor of the process, so a new process with its pid never gets it.
    """
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if not running(pid, started):
            return False
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def _stat(pid: int) -> list[bytes]:
    """Return the fields of /proc/PID/stat from the state on (parent is number 1); empty if the process has ended."""
    try:
        handle = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return []
    try:
        return os.read(handle, 4096).rpartition(b")")[2].split()
    except OSError:
        return []
    finally:
        os.close(handle)


def descendants(root: int) -> dict[int, int]:
    """Return the pids of all running descendants of ``root`` in no particular order, each with its start in ticks."""
    children: dict[int, list[int]] = {}
    starts = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib costs this script 10 ms at start
        fields = _stat(int(name)) if name.isdigit() else []
        if fields:
            children.setdefault(int(fields[1]), []).append(int(name))
            if fields[0] not in (b"Z", b"X"):
                starts[int(name)] = int(fields[19])
    found: dict[int, int] = {}
    open_ = [root]
    while open_:
        below = children.get(open_.pop(), [])
        found |= {pid: starts[pid] for pid in below if pid in starts}
        open_ += below
    return found


def _kill_all() -> None:
    """Kill descendants until none is left. Orphans become our children, and some processes may fork meanwhile."""
    me = os.getpid()
    while True:
        _reap(0)
        left = descendants(me)
        if not left:
            return
        for pid, started in left.items():
            send(pid, started, signal.SIGKILL)
        time.sleep(0.002)


def _reap(child: int) -> int | None:
    """Reap every dead child. Return the wait status of ``child`` if it is among them."""
    result = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return result
        if pid == 0:
            return result
        if pid == child:
            result = status


def _spawn(status: int, become: Callable[[], None]) -> int:
    """Fork and let the child call ``become``. The child first writes its pid to ``status``."""
    guardian = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    # Die with the guardian. It has a single thread, so the death of the parent thread is that of the process.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guardian:
        os._exit(127)
    os.write(status, b"%d %d\n" % (os.getpid(), guardian))
    os.environ[MARK] = f"{guardian}.{start_ticks(guardian)}"
    become()
    os._exit(127)


def _execute(status: int, command: list[str]) -> None:
    """Execute a program in this process. Write the errno to ``status`` if that fails."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is the point
    except OSError as error:
        os.write(status, b"%d\n" % (error.errno or 0))


def _close_all_but(*kept: int) -> None:
    """Close the child's descriptors: a listener or pipe that we held would stay open after the child closed it."""
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    low = 3
    for number in sorted(k for k in kept if k >= 0):
        os.closerange(low, number)
        low = number + 1
    os.closerange(low, 65536)


def _watch(child: int, lifeline: int, wake: int, asked: list[int]) -> int | None:
    """Wait for the child's end. Return its wait status; None if the lifeline closes or the patience runs out first."""
    poll = select.poll()
    poll.register(wake, select.POLLIN)
    if lifeline >= 0:
        poll.register(lifeline, select.POLLIN)
    deadline = None
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        ready = dict(poll.poll(left))
        if wake in ready:
            os.read(wake, 512)
        status = _reap(child)
        if status is not None:
            return status
        numbers = [asked.pop() for _ in range(len(asked))]
        if numbers and deadline is None:
            deadline = time.monotonic() + PATIENCE
        received = os.read(lifeline, 512) if lifeline in ready else b"\0"
        is_late = deadline is not None and time.monotonic() >= deadline
        if KILL_ALL in numbers or not received or is_late:
            return None
        for number in (*numbers, *received.strip(b"\0")):
            os.kill(child, number)


def _end_like(status: int) -> None:
    """End with the child's code, or by the signal that killed it (without a core dump)."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        _libc.prctl(_PR_SET_DUMPABLE, 0)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status))


def main(lifeline: int, status: int, command: list[str]) -> None:
    """Run the command and guard it. Does not return."""
    if lifeline < 0 and os.fork():
        os._exit(0)
    os.set_inheritable(status, False)  # noqa: FBT003 - the signature is the standard library's
    if lifeline >= 0:
        os.set_inheritable(lifeline, False)  # noqa: FBT003 - the signature is the standard library's
    _end_like(guard(lifeline, status, lambda: _execute(status, command)))


def guard(lifeline: int, status: int, become: Callable[[], None], *, kept: tuple[int, ...] = ()) -> int:
    """Run a child, and guard it until it and all its descendants have ended.

    Args:
        lifeline: The read end of a pipe. When the pipe closes, the child is ended. -1 for none.
        status: Gets the process ids of child and guardian. The guardian closes it when the child runs.
        become: Called in the child. It returns only if it fails.
        kept: Further descriptors that the guardian keeps open.

    Returns:
        The child's wait status.
    """
    _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    asked: list[int] = []

    def ask(number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGCHLD:
            asked.append(number)

    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, KILL_ALL):
        signal.signal(number, ask)
    child = _spawn(status, become)
    _close_all_but(lifeline, wake, waker, *kept)
    ended = _watch(child, lifeline, wake, asked)
    if ended is None:
        # Kill the child separately, so that its status is kept.
        os.kill(child, signal.SIGKILL)
        ended = os.waitpid(child, 0)[1]
    _kill_all()
    return ended


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
