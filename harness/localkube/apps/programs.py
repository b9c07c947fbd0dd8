"""Make a program of the machine behave as the first process of a container, without namespaces.

In a container, a signal that its first process does not handle has no effect, except SIGKILL; and when the first
process ends, the kernel kills all others. Here, the mark in their environment finds the others, however they detached
themselves.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

#: Environment variable that names the container of a program.
MARK = "LOCALKUBE_CONTAINER"

_PROC = Path("/proc")
#: Milliseconds until a killed process counts as one that the kernel cannot end.
_END_MS = 5000


def first_process_ignores(pid: int, number: int) -> bool:
    """Return True if a signal would have no effect on this process as the first of a container.

    The kernel drops a signal that the first process neither handles nor blocks.
    """
    if number in {signal.SIGKILL, signal.SIGSTOP}:
        return False
    try:
        lines = (_PROC / f"{pid}/status").read_text().splitlines()
    except OSError:
        return False
    masks = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    handled = int(masks["SigCgt"], 16) | int(masks["SigBlk"], 16)
    return not handled >> (number - 1) & 1


def kill_marked(mark: str) -> None:
    """Kill all processes with a mark in their environment; return when they have ended."""
    while found := list(_marked(mark)):
        ends = []
        for pid in found:
            with suppress(ProcessLookupError):
                descriptor = os.pidfd_open(pid)
                ends.append(descriptor)
                signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        ended = all(map(_has_ended, ends))
        for descriptor in ends:
            os.close(descriptor)
        if not ended:
            return


def _has_ended(descriptor: int) -> bool:
    """Wait for the end of a process; return False if it does not come."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(_END_MS))


def _marked(mark: str) -> Iterator[int]:
    """Yield the processes that live and have a mark; a process that has ended has no environment."""
    wanted = f"{MARK}={mark}".encode()
    for entry in _PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    yield int(entry.name)
