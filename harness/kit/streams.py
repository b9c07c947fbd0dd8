"""Standard streams that cannot fail: lost output never changes what the program does or how it ends.

A write to standard output or standard error fails when its reader has left (``| head``), when the disk of its file is
full, or when the terminal has hung up. Such a failure could surface anywhere: in a thread that draws progress, in a
logging handler, in an exit code that means "lossy", or as exit code 120 when the interpreter flushes. So it is stopped
at the lowest level, in the raw file below ``sys.stdout`` and ``sys.stderr``, and recorded there.

The same module occupies the descriptors 0 to 2 where they are closed. Otherwise the next file that is opened gets such
a number, and everything that is printed lands in that file: a ledger, a socket.
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

#: Seconds that a non-blocking pipe may stay full before output is dropped.
PATIENCE = 5.0

#: The descriptors that were closed when the process began.
_closed: set[int] = set()


class ForgivingFile(io.FileIO):
    """A raw file for writing whose writes always succeed; the first failure is recorded.

    Args:
        number: The descriptor; it stays open when the file is closed.
        patience: Seconds to wait for a reader where the descriptor does not block.

    Attributes:
        loss: The first error of a write; None if nothing was lost.
    """

    def __init__(self, number: int, *, patience: float = PATIENCE) -> None:
        super().__init__(number, "w", closefd=False)
        self.loss: OSError | None = None
        self._patience = self._left = patience

    def write(self, data: ReadableBuffer, /) -> int:
        """Write all bytes, or drop those that cannot be written; returns the number of all in either case."""
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
            # A reader that was too slow once is not waited for again until it reads.
            self._left = 0.0
            self.loss = self.loss or error
        return len(view)


class PatientFile(io.FileIO):
    """A raw file that waits for its reader even where the descriptor does not block."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write some bytes; returns their number.

        Raises:
            OSError: They cannot be written.
        """
        while (written := super().write(data)) is None:
            _wait_for_room(self, None)
        return int(written)


def _wait_for_room(file: io.FileIO, seconds: float | None) -> float:
    """Wait until a full pipe has room; returns the seconds that are left.

    Raises:
        BlockingIOError: It had none in this time.
    """
    poll = select.poll()
    poll.register(file, select.POLLOUT)
    begun = time.monotonic()
    if not poll.poll(None if seconds is None else seconds * 1000):
        raise BlockingIOError(errno.EAGAIN, "its reader does not read")
    return 0.0 if seconds is None else max(0.0, seconds - (time.monotonic() - begun))


def secure() -> None:
    """Occupy the descriptors 0 to 2 and make ``sys.stdout`` and ``sys.stderr`` forgiving; the first act of a process.

    A stream that something else has replaced already (a test's capture) is left alone.
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
    """Make a text stream on a descriptor.

    It holds nothing back: nothing is left to be flushed at exit, and no lock is held by a thread that still writes.
    Characters that its encoding lacks are escaped, since an encoding error would be a failed write too.
    """
    encoding = "utf-8" if replaced is None else replaced.encoding
    raw = ForgivingFile(number)
    raw.name = name
    return io.TextIOWrapper(raw, encoding=encoding, errors="backslashreplace", line_buffering=True, write_through=True)


def loss_of(stream: TextIO) -> OSError | None:
    """Return the first error of a stream that ``secure`` made; None if nothing of it was lost."""
    raw = getattr(stream, "buffer", None)
    return raw.loss if isinstance(raw, ForgivingFile) else None


def report_loss() -> None:
    """Say on standard error, as the last words of a command, that its standard output was lost.

    A reader that has left (``| head``) knows, and so does somebody who closed it (``>&-``): neither is reported.
    """
    loss = loss_of(sys.stdout)
    if loss is not None and loss.errno != errno.EPIPE:
        sys.stderr.write(
            f"warning: standard output was lost: {loss.strerror}; verdict, evidence and exit code do not depend on it\n"
        )


def write_now(number: int, text: str) -> None:
    """Write to a descriptor from a signal handler, which may have interrupted any other write."""
    with contextlib.suppress(OSError):
        os.write(number, text.encode())


@contextlib.contextmanager
def product() -> Iterator[TextIO]:
    """Give standard output to a command whose output is its purpose: here a failed write is an error.

    The stream is UTF-8 and leaves line ends alone. A reader that leaves early (``| head``) ends the block in silence.

    Raises:
        HarnessError: Standard output was closed from the start, or cannot be written.
    """
    if STDOUT in _closed:
        raise HarnessError("Standard output is closed.", hint="Redirect it to a file or a pipe.")
    raw = PatientFile(os.dup(STDOUT), "w")
    with io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", newline="") as file:
        try:
            yield file
            file.flush()
        except BaseException as error:
            # What is still buffered goes nowhere: closing the file would only fail once more.
            _discard(raw)
            if isinstance(error, BrokenPipeError):
                return
            if isinstance(error, OSError):
                raise HarnessError(f"Could not write standard output: {error.strerror}.") from error
            raise


def _discard(raw: io.FileIO) -> None:
    """Let everything that is still written to a file go nowhere."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, raw.fileno())
    os.close(null)
