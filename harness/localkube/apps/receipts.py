"""Write the receipts of an application: one line for each request read, and one for each answer written.

A receipt proves that a request reached the application, which neither the client nor the proxy can know for certain.
Each line is written by itself and at once, so that a line is never lost to SIGKILL. Lines are numbered without gaps, so
that a reader notices lines that are missing. A request without an id has no receipts.

The lines of one process, with times of CLOCK_MONOTONIC in nanoseconds::

    receipt 0 start 1 <pod> <file|stream> <monotonic> <wall>
    receipt 1 read <id> <monotonic>
    receipt 2 answered <id> <monotonic> <status>
    receipt 3 end <monotonic>

``file`` means that the operating system keeps every line although the process is killed. A ``stream`` is read by
somebody else, such as a container runtime, who may miss the last lines. The lines of a process that ended by itself
have an ``end``.
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.localkube.apps.launch import Launch

#: Version of the format.
VERSION = 1
#: The first word of each line.
WORD = "receipt"
#: The header with the id of a request, in lower case.
HEADER = "x-request-id"

_STDOUT = 1


class ReceiptWriter:
    """A context manager that writes the receipts of one process; leaving it without an error writes the ``end``.

    A line that can't be written keeps its number, so that the reader finds a gap.

    Args:
        launch: The start of the container; its ``receipts`` is the file, or empty for standard output.
    """

    def __init__(self, launch: Launch) -> None:
        self._descriptor = _STDOUT
        self._pod = launch.env.get("HOSTNAME", "")
        self._path = launch.receipts
        self._number = 0

    def __enter__(self) -> Self:
        """Open the file and write the ``start``."""
        if self._path:
            with suppress(OSError):
                self._descriptor = os.open(
                    self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, mode=0o644
                )
        kind = "file" if stat.S_ISREG(os.fstat(self._descriptor).st_mode) else "stream"
        self._write(f"start {VERSION} {self._pod or '-'} {kind} {time.monotonic_ns()} {time.time_ns()}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Write the ``end``, unless the application failed."""
        if error is None:
            self._write(f"end {time.monotonic_ns()}")
        if self._descriptor != _STDOUT:
            os.close(self._descriptor)

    def read(self, attempt: str) -> None:
        """Record that a request was read, before anything is done for it."""
        self._write(f"read {attempt} {time.monotonic_ns()}")

    def answered(self, attempt: str, status: int) -> None:
        """Record that an answer was given to the operating system."""
        self._write(f"answered {attempt} {time.monotonic_ns()} {status}")

    def _write(self, text: str) -> None:
        line = f"{WORD} {self._number} {text}\n".encode()
        self._number += 1
        # On a full disk the application goes on; the number that is missing shows the loss.
        with suppress(OSError):
            os.write(self._descriptor, line)


def receipts_of(log: Path) -> Path:
    """Return the file of the receipts of a container with this log."""
    return log.with_suffix(".receipts")
