"""Writes an ``.npy`` file through a growing memory map; the file can be loaded at any time.

Memory that is mapped shared belongs to the kernel, so a stored value is in the file even if ``kill -9`` follows at
once. But a store into a hole of a full disk raises SIGBUS. So every chunk is allocated on disk (``posix_fallocate``)
before anything is stored in it, and a full disk becomes an error that can be handled.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

#: Bytes before the first row: enough for any header, and rows begin on a page.
HEADER = 4096


def header(dtype: np.dtype[np.void], rows: int) -> bytes:
    """Return the first ``HEADER`` bytes of an ``.npy`` file (format 1.0) with this many rows."""
    text = repr({"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": (rows,)}).encode()
    start = npy.magic(1, 0) + (HEADER - 10).to_bytes(2, "little")
    return start + text.ljust(HEADER - 11) + b"\n"


class MappedRows:
    """Rows of one dtype on disk, for one writer.

    Args:
        path: The file to create; it appears at once, with a first chunk of zeroed rows.
        dtype: Type of a row.
        chunk: Rows allocated at once.

    Attributes:
        memory: The whole file; row ``i`` begins at ``HEADER + i * dtype.itemsize``. ``grow`` may move it.
        room: Number of allocated rows.

    Raises:
        OSError: The disk is full or not writable.
    """

    def __init__(self, path: Path, dtype: np.dtype[np.void], *, chunk: int) -> None:
        self.path = path
        self.room = 0
        self._dtype = dtype
        self._chunk = chunk
        self._fd, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            os.fchmod(self._fd, 0o644)
            os.posix_fallocate(self._fd, 0, HEADER)
            self.memory = mmap.mmap(self._fd, HEADER)
            self.grow()
            Path(name).replace(path)
        except BaseException:
            os.close(self._fd)
            Path(name).unlink(missing_ok=True)
            raise

    def grow(self) -> None:
        """Allocate another chunk.

        Raises:
            OSError: The disk is full. Stored rows are kept, and rows that are already allocated can be used.
        """
        size = self._size(self.room)
        rows = self.room + self._chunk
        os.posix_fallocate(self._fd, size, self._size(rows) - size)
        self.memory.resize(self._size(rows))
        os.pwrite(self._fd, header(self._dtype, rows), 0)
        self.room = rows

    def close(self, rows: int) -> None:
        """Cut the file to its first ``rows`` rows; nothing can be stored afterwards."""
        if self._fd < 0:
            return
        self.memory.close()
        # First the header, then the rows: a reader in between sees surplus bytes, never a file that is too short.
        os.pwrite(self._fd, header(self._dtype, rows), 0)
        os.ftruncate(self._fd, self._size(rows))
        os.close(self._fd)
        self._fd = -1

    def discard(self) -> None:
        """Remove a file that was never used."""
        self.close(0)
        self.path.unlink(missing_ok=True)

    def _size(self, rows: int) -> int:
        return HEADER + rows * self._dtype.itemsize
