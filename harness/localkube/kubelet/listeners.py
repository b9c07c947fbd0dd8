"""Find the process that listens on a pod's address: the pod itself, or an orphan from elsewhere.

If an orphan answered a new pod's readiness probe, the harness would count a broken pod as working, and report a lossy
change as lossless. A probe therefore succeeds only if the listening socket belongs to the container.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_LISTEN = "0A"


class Listener(NamedTuple):
    """A socket that listens.

    Attributes:
        address: Its address.
        port: Its port.
        inode: The inode of the socket.
    """

    address: str
    port: int
    inode: str


def owns_listener(pid: int, address: str, port: int) -> bool:
    """Return True if a process or a descendant holds the socket that listens on exactly this address and port."""
    inode = listener_inode(address, port)
    if inode is None:
        return False
    wanted = f"socket:[{inode}]"
    return any(wanted in _open_files(each) for each in family(pid))


def owned(pid: int, listeners: Collection[Listener]) -> frozenset[Listener]:
    """Return the listeners that a process or a descendant holds."""
    if not listeners:
        return frozenset()
    files = {file for each in family(pid) for file in _open_files(each)}
    return frozenset(each for each in listeners if f"socket:[{each.inode}]" in files)


def listener_inode(address: str, port: int) -> str | None:
    """Return the inode of the socket that listens on exactly this IPv4 address and port, or None."""
    return next((each.inode for each in all_listeners() if (each.address, each.port) == (address, port)), None)


def listening_ports(address: str, *, ipv6: bool = True) -> set[int]:
    """Return the ports with a listener on exactly this IPv4 address.

    Args:
        address: The address.
        ipv6: True to look for sockets of IPv6 too, which may listen at an address of IPv4.
    """
    return {each.port for each in all_listeners(ipv6=ipv6) if each.address == address}


def all_listeners(*, ipv6: bool = True) -> Iterator[Listener]:
    """Yield each TCP listener; a socket of IPv6 at an address of IPv4 has that address.

    Args:
        ipv6: True to yield sockets of IPv6 too. With few of them the kernel walks its whole table of connections to
            find the end of the listeners, which takes milliseconds.
    """
    for name in ("tcp", "tcp6") if ipv6 else ("tcp",):
        with suppress(FileNotFoundError), (_PROC / "net" / name).open() as table:
            next(table)
            for line in table:
                fields = line.split()
                if fields[3] != _LISTEN:
                    # The kernel lists listeners first; the rest of the table may be very long.
                    break
                host, _, port = fields[1].partition(":")
                yield Listener(_address(host), int(port, 16), fields[9])


def sockets_below(prefix: str) -> set[tuple[str, int]]:
    """Return the addresses and ports, beginning with a prefix, of all TCP sockets in any state.

    A closed connection of a program that did not set SO_REUSEADDR keeps its address and port for a minute.
    """
    fields: set[str] = set()
    for name in ("tcp", "tcp6"):
        with suppress(FileNotFoundError), (_PROC / "net" / name).open() as table:
            next(table)
            fields.update(line.split(None, 2)[1] for line in table)
    hosts = {field.partition(":")[0] for field in fields}
    known = {host: address for host in hosts if (address := _address(host)).startswith(prefix)}
    split = (field.partition(":") for field in fields)
    return {(known[host], int(port, 16)) for host, _, port in split if host in known}


def _address(words: str) -> str:
    """Return an address of the kernel's table as text: words of 32 bits in the byte order of this machine."""
    packed = b"".join(struct.pack("=I", int(words[at : at + 8], 16)) for at in range(0, len(words), 8))
    found = ipaddress.ip_address(packed)
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)


def family(pid: int) -> Iterator[int]:
    """Yield a process and its descendants."""
    yield pid
    with suppress(OSError):
        for child in (_PROC / f"{pid}/task/{pid}/children").read_text().split():
            yield from family(int(child))


def socket_files(pid: int) -> list[int]:
    """Return the numbers of a process's open files that are sockets; none if it has ended."""
    return [number for number, target in _open_file_targets(pid) if target.startswith("socket:")]


def _open_files(pid: int) -> set[str]:
    return {target for _, target in _open_file_targets(pid)}


def _open_file_targets(pid: int) -> Iterator[tuple[int, str]]:
    with suppress(OSError):
        for entry in (_PROC / f"{pid}/fd").iterdir():
            with suppress(OSError):
                yield int(entry.name), str(entry.readlink())
