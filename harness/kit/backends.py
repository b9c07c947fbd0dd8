"""A list of addresses that one process keeps and others connect to: one small file, read again when it has changed.

The writer replaces the file in one step, so a reader has the old list or the new one. A look whether it has changed is
one ``stat``, so that it can be taken for every connection.
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
    """What the file says.

    Attributes:
        addresses: One of them is to be connected to; none of them means that a connection is to be refused.
        refusal: Why the list can't be kept, in words; empty if it can.
    """

    addresses: tuple[Address, ...] = ()
    refusal: str = ""


def backends_file(folder: Path, namespace: str, service: str, port: str = "") -> Path:
    """Return the file of a Service's first port, or of the port of a name; names in Kubernetes have no underscores."""
    return folder / f"{namespace}_{service}{'_' if port else ''}{port}.json"


def write_backends(path: Path, backends: Backends) -> None:
    """Replace the file in one step; it need not outlive the machine, so nothing is flushed.

    Raises:
        OSError: It can't be written.
    """
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps({"addresses": backends.addresses, "refusal": backends.refusal}) + "\n")
    temporary.replace(path)


def read_backends(path: Path) -> Backends:
    """What the file says now; no addresses where it is gone, as the Service then is.

    Raises:
        OSError: It can't be read.
        ValueError: It isn't such a file.
    """
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        return Backends()
    return Backends(tuple((str(address), int(port)) for address, port in data["addresses"]), data["refusal"])


class BackendsReader:
    """Keeps what the file says.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._seen: tuple[int, int] = (-1, -1)
        self._now = Backends()

    def now(self) -> Backends:
        """What the file says at this moment; raises as ``read_backends`` does."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 - half the time of Path.stat, for each connection
            seen = (found.st_ino, found.st_mtime_ns)
        except FileNotFoundError:
            seen = (0, 0)
        if seen != self._seen:
            self._now, self._seen = read_backends(Path(self._path)), seen
        return self._now
