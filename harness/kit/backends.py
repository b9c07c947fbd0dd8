"""A list of addresses that one process writes and others connect to: a small file that is read when it has changed.

The writer replaces the file atomically, so a reader gets the old list or the new one. A check for changes takes one
``stat``, which is cheap enough for every connection.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

#: An IPv4 address and a port.
Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Backends:
    """The content of the file.

    Attributes:
        addresses: Addresses, one of which a client picks. If there are none, connections are refused.
        refusal: Reason why there is no list; empty if there is one.
    """

    addresses: tuple[Address, ...] = ()
    refusal: str = ""


def backends_file(folder: Path, namespace: str, service: str, port: str = "") -> Path:
    """Return the file of a Service's named port, by default of its first one. Kubernetes names have no underscores."""
    return folder / f"{namespace}_{service}{'_' if port else ''}{port}.json"


def write_backends(path: Path, backends: Backends) -> None:
    """Replace the file atomically. It need not survive a power cut, so it is not flushed to disk.

    Raises:
        OSError: The file can't be written.
    """
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps({"addresses": backends.addresses, "refusal": backends.refusal}) + "\n")
    temporary.replace(path)


def read_backends(path: Path) -> Backends:
    """Read the file. A missing file has no addresses: its Service is deleted.

    Raises:
        OSError: The file can't be read.
        ValueError: The file has another format.
    """
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return Backends()
    return Backends(tuple((str(address), int(port)) for address, port in data["addresses"]), data["refusal"])


class BackendsReader:
    """A reader that caches the content of the file.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._seen: tuple[int, int] = (-1, -1)
        self._now = Backends()

    def now(self) -> Backends:
        """Return the current content. Raises as ``read_backends`` does."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 - half the time of Path.stat, for each connection
            seen = (found.st_ino, found.st_mtime_ns)
        except FileNotFoundError:
            seen = (0, 0)
        if seen != self._seen:
            self._now, self._seen = read_backends(Path(self._path)), seen
        return self._now
