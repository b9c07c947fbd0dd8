"""Standard streams that never raise: lost output never changes what the program does or its exit code.

A write to standard output or standard error fails when its reader has closed the pipe (``| head``), when the disk is
full, or when the terminal has hung up. Such a failure could surface anywhere: in a thread that draws progress, in a
logging handler, in an exit code that means "lossy", or as exit code 120 when the interpreter flushes. So it is caught
and recorded at the lowest level, in the raw file below ``sys.stdout`` and ``sys.stderr``.

This module also occupies the descriptors 0 to 2 if they are closed. Otherwise the next opened file would get such a
number, and all printed text would go into that file: a ledger, a socket.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from harness.errors import HarnessError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STDIN, STDOUT, STDERR = 0, 1, 2

#: Seconds to wait for a full non-blocking pipe before output is dropped.
PATIENCE = 5.0

#: Descriptors that were closed when the process started.
_closed: set[int] = set()


class ForgivingFile(io.FileIO):
    """A raw output file whose writes never raise. It records the first error.

    Args:
        number: The descriptor. It stays open when the file is closed.
        patience: Seconds to wait for the reader of a non-blocking descriptor.

    Attributes:
        loss: First error of a write; None if nothing was lost.
    """

    def __init__(self, number: int, *, patience: float = PATIENCE) -> None:
        super().__init__(number, "w", closefd=False)
        self.loss: OSError | None = None
        self._patience = self._left = patience

    def write(self, data: ReadableBuffer, /) -> int:
        """Write all bytes, or drop those that can't be written. Return the number of all bytes in both cases."""
        view = memoryview(data).cast("B")
        done = 0
        try:
            while done < len(view):
                written = super().write(view[done:])
                if written is None:
                    self._left = _wait_for_room(self, self._left)
                else:
                    done += written
                    self._left = self._patience
        except OSError as error:
            # After one timeout, do not wait for this reader again until it reads.
            self._left = 0.0
            self.loss = self.loss or error
        return len(view)


class PatientFile(io.FileIO):
    """A raw output file that waits for its reader, even if the descriptor is non-blocking."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write some bytes. Return their number.

        Raises:
            OSError: They can't be written.
        """
        while (written := super().write(data)) is None:
            _wait_for_room(self, None)
        return int(written)


def _wait_for_room(file: io.FileIO, seconds: float | None) -> float:
    """Wait until a full pipe has room. Return the remaining seconds.

    Raises:
        BlockingIOError: The pipe was still full after ``seconds``.
    """
    poll = select.poll()
    poll.register(file, select.POLLOUT)
    begun = time.monotonic()
    if not poll.poll(None if seconds is None else seconds * 1000):
        raise BlockingIOError(errno.EAGAIN, "its reader does not read")
    return 0.0 if seconds is None else max(0.0, seconds - (time.monotonic() - begun))


def secure() -> None:
    """Occupy the descriptors 0 to 2, and replace ``sys.stdout`` and ``sys.stderr``. Call this first in a process.

    A stream that is already replaced (by a test's capture) is left as it is.
    """
    for number in (STDIN, STDOUT, STDERR):
        _occupy(number)
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(STDIN, closefd=False)), encoding="utf-8")
    if sys.stdout is sys.__stdout__:
        sys.stdout = _forgiving(STDOUT, "<stdout>", sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _forgiving(STDERR, "<stderr>", sys.stderr)


def _occupy(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        _closed.add(number)
        null = os.open(os.devnull, os.O_RDWR)
        if null == number:
            os.set_inheritable(null, True)  # noqa: FBT003 - the signature is the standard library's
        else:
            os.dup2(null, number)
            os.close(null)


def _forgiving(number: int, name: str, replaced: TextIO | None) -> TextIO:
    """Return an unbuffered text stream on a descriptor.

    So nothing is left to flush at exit, and no writing thread holds a lock then. Characters that its encoding does not
    have are escaped, because an encoding error would also be a failed write.
    """
    encoding = "utf-8" if replaced is None else replaced.encoding
    raw = ForgivingFile(number)
    raw.name = name
    return io.TextIOWrapper(raw, encoding=encoding, errors="backslashreplace", line_buffering=True, write_through=True)


def loss_of(stream: TextIO) -> OSError | None:
    """Return the first error of a stream that ``secure`` made; None if nothing was lost."""
    raw = getattr(stream, "buffer", None)
    return raw.loss if isinstance(raw, ForgivingFile) else None


def report_loss() -> None:
    """Print a warning at the end of a command if its standard output was lost.

    Print nothing if the reader closed the pipe (``| head``) or the user closed the stream (``>&-``): both are intended.
    """
    loss = loss_of(sys.stdout)
    if loss is not None and loss.errno != errno.EPIPE:
        sys.stderr.write(
            f"warning: standard output was lost: {loss.strerror}; verdict, evidence and exit code do not depend on it\n"
        )


def write_now(number: int, text: str) -> None:
    """Write to a descriptor without buffers, which is safe in a signal handler."""
    with contextlib.suppress(OSError):
        os.write(number, text.encode())


@contextlib.contextmanager
def required_output() -> Iterator[TextIO]:
    """Yield standard output to a command whose output is its purpose, so that a failed write is an error.

    The stream is UTF-8 and does not convert line ends. If the reader closes the pipe (``| head``), the block ends
    silently.

    Raises:
        HarnessError: Standard output was closed from the start, or can't be written.
    """
    if STDOUT in _closed:
        raise HarnessError("Standard output is closed.", hint="Redirect it to a file or a pipe.")
    raw = PatientFile(os.dup(STDOUT), "w")
    with io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", newline="") as file:
        try:
            yield file
            file.flush()
        except BaseException as error:
            # Discard buffered output: closing the file would fail again.
            _discard(raw)
            if isinstance(error, BrokenPipeError):
                return
            if isinstance(error, OSError):
                raise HarnessError(f"Could not write standard output: {error.strerror}.") from error
            raise


def _discard(raw: io.FileIO) -> None:
    """Discard everything that is still written to a file."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, raw.fileno())
    os.close(null)
