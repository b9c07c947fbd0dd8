"""Find the process that listens on a pod's address: the pod itself, or an orphan from elsewhere.

If an orphan answered a new pod's readiness probe, the harness would count a broken pod as working, and report a lossy
change as lossless. A probe therefore succeeds only if the listening socket belongs to the container.
"""

from __future__ import annotations

import ipaddress
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


def foreign_listeners(pid: int, address: str) -> list[tuple[str, int]]:
    """Return address and port of each TCP listener of a process or a descendant that is not at this address."""
    foreign = [(host, port, f"socket:[{inode}]") for host, port, inode in _all_listeners() if host != address]
    if not foreign:
        return []
    files = {file for each in _family(pid) for file in _open_files(each)}
    return [(host, port) for host, port, file in foreign if file in files]


def listener_inode(address: str, port: int) -> str | None:
    """Return the inode of the socket that listens on exactly this IPv4 address and port, or None."""
    return next((inode for host, number, inode in _all_listeners() if (host, number) == (address, port)), None)


def listening_ports(address: str) -> set[int]:
    """Return the ports with a listener on exactly this IPv4 address."""
    return {port for host, port, _ in _all_listeners() if host == address}


def _all_listeners() -> Iterator[tuple[str, int, str]]:
    """Yield address, port and inode of each TCP listener; one for IPv6 and IPv4 has its IPv4 address if it has one."""
    for name in ("tcp", "tcp6"):
        with suppress(FileNotFoundError), (_PROC / "net" / name).open() as table:
            next(table)
            for line in table:
                fields = line.split()
                if fields[3] != _LISTEN:
                    # The kernel lists listeners first; the rest of the table may be very long.
                    break
                host, _, port = fields[1].partition(":")
                yield _address(host), int(port, 16), fields[9]


def _address(words: str) -> str:
    """Return an address of the kernel's table as text: words of 32 bits in the byte order of this machine."""
    packed = b"".join(struct.pack("=I", int(words[at : at + 8], 16)) for at in range(0, len(words), 8))
    found = ipaddress.ip_address(packed)
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


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
