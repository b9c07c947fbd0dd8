"""Find the process that listens on a pod's address: the pod itself, or an orphan from elsewhere.

If an orphan answered a new pod's readiness probe, the harness would count a broken pod as working, and report a lossy
change as lossless. A probe therefore succeeds only if the listening socket belongs to the container.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_LISTEN = "0A"


def owns_listener(pid: int, address: str, port: int) -> bool:
    """Return True if a process or a descendant holds the socket that listens on exactly this address and port."""
    inode = listener_inode(address, port)
    if inode is None:
        return False
    wanted = f"socket:[{inode}]"
    return any(wanted in _open_files(each) for each in _family(pid))


def listener_inode(address: str, port: int) -> str | None:
    """Return the inode of the IPv4 socket that listens on exactly this address and port, or None."""
    return next((inode for number, inode in _listeners(address) if number == port), None)


def listening_ports(address: str) -> set[int]:
    """Return the ports with a listener on exactly this IPv4 address."""
    return {port for port, _ in _listeners(address)}


def _listeners(address: str) -> Iterator[tuple[int, str]]:
    """Yield port and inode of each IPv4 socket that listens on exactly this address."""
    (number,) = struct.unpack("=I", socket.inet_aton(address))
    wanted = f"{number:08X}"
    with (_PROC / "net/tcp").open() as table:
        next(table)
        for line in table:
            fields = line.split()
            if fields[3] != _LISTEN:
                # The kernel lists listeners first; the rest of the table may be very long.
                return
            host, _, port = fields[1].partition(":")
            if host == wanted:
                yield int(port, 16), fields[9]


def _family(pid: int) -> Iterator[int]:
    yield pid
    with suppress(OSError):
        for child in (_PROC / f"{pid}/task/{pid}/children").read_text().split():
            yield from _family(int(child))


def _open_files(pid: int) -> set[str]:
    found = set()
    with suppress(OSError):
        for entry in (_PROC / f"{pid}/fd").iterdir():
            with suppress(OSError):
                found.add(str(entry.readlink()))
    return found
