"""Writes files atomically, and reports a full disk clearly.

A run directory is evidence: a crash or a full disk must never leave an incomplete file under its final name.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from harness.errors import HarnessError

_log = logging.getLogger(__name__)

#: Error numbers for which the loss of a log has been reported.
_reported: set[int | None] = set()

#: Error numbers of a full disk.
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextlib.contextmanager
def clear_disk_errors(path: Path) -> Iterator[None]:
    """Convert errors of writing ``path`` into errors for users.

    Raises:
        HarnessError: The disk is full, the folder is read-only, or any other ``OSError`` of the block.
    """
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise HarnessError(
                f"No room on disk for {path}.",
                hint=f"Free some space on the file system of {path.parent}, or choose another one with --out.",
            ) from error
        raise HarnessError(f"Could not write {path}: {error.strerror or error}.") from error


@contextlib.contextmanager
def expendable(path: Path, *, remove: bool = False) -> Iterator[None]:
    """Run a block that writes a log for people. An ``OSError`` loses the log but has no other effect.

    Not for evidence. The first loss with each error number is logged as a warning.

    Args:
        path: The log.
        remove: Remove the file after an error, because an incomplete log would look complete.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _reported:
            _reported.add(error.errno)
            _log.warning("logs are lost, %s first: %s; no verdict depends on them", path, error.strerror or error)
        if remove:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def copy_log(source: Path, target: Path) -> None:
    """Copy a log for people into a folder that may not exist. A copy that can't be written is left out."""
    with expendable(target, remove=True):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def open_log(path: Path) -> IO[bytes]:
    """Open a log for appending, as output of a child process; the null device if the log can't be opened."""
    with expendable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("ab")
    return Path(os.devnull).open("ab")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a whole file atomically and durably: temporary file, fsync, rename, fsync of the folder.

    Raises:
        HarnessError: The file could not be written. An old file is unchanged.
    """
    with clear_disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                os.fchmod(file.fileno(), 0o644)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8, like ``write_bytes``."""
    write_bytes(path, text.encode())


def sync_folder(path: Path) -> None:
    """Flush a folder to disk, so that new and renamed files survive a power cut."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def digest_of(path: Path, *, flushed: bool = False) -> str:
    """Return the SHA-256 of a file, in hexadecimal.

    Args:
        path: The file.
        flushed: Flush it to disk first.

    Raises:
        OSError: It can't be read or flushed.
    """
    with path.open("rb") as file:
        if flushed:
            os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def tail(path: Path, lines: int = 20, *, limit: int = 64 * 1024) -> str:
    """Return the last lines of a text file; empty if it cannot be read. Reads at most ``limit`` bytes."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - limit))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
