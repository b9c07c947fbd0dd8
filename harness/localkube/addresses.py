"""Assign loopback addresses to clusters, so that no two clusters on one machine share an address.

Every cluster gets its own block 127.B.0.0/16. A pod left over from one cluster can therefore never answer for a pod of
another, and each data plane has its own address. A listening socket reserves a block. The kernel lets only one process
of the machine listen there, and frees the block when the last process that holds the socket has ended. A block in which
another socket still listens is not assigned. A block with closed connections is assigned only if there is no other. The
kernel keeps the addresses of such connections for a minute, and a pod that gets one of them cannot listen at it.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from itertools import product
from types import TracebackType
from typing import Self

from harness.errors import HarnessError
from harness.localkube.kubelet.listeners import all_listeners, sockets_below

#: First and last block. 127.0 is used by all programs, and resolvers and similar services use low blocks.
FIRST_BLOCK, LAST_BLOCK = 16, 239

#: Port of the listener that reserves a block, at the API server's address.
_HOLD_PORT = 10255

_HOSTS = 254


@dataclass(frozen=True, slots=True)
class AddressBlock:
    """The addresses 127.``number``.0.0/16.

    Attributes:
        number: The second octet.
    """

    number: int

    @property
    def node_address(self) -> str:
        """Return the address of the API server and the node: 127.B.0.1."""
        return f"127.{self.number}.0.1"

    @property
    def ingress_address(self) -> str:
        """Return the address of the ingress data plane: 127.B.0.2."""
        return f"127.{self.number}.0.2"

    @property
    def service_address(self) -> str:
        """Return the address that stands for a Service without endpoints: 127.B.0.3, where nothing listens."""
        return f"127.{self.number}.0.3"

    def pod_address(self, n: int) -> str:
        """Return the address of the n-th pod, counted from 1; no two pods of a cluster get the same number.

        Raises:
            HarnessError: ``n`` exceeds the 64,516 pods that fit in one block.
        """
        third, host = divmod(n - 1, _HOSTS)
        if not 0 <= third < _HOSTS:
            raise HarnessError(
                f"No address is left for pod number {n}: one cluster can create at most {_HOSTS * _HOSTS} pods.",
                hint="Stop the cluster and start it again.",
            )
        return f"127.{self.number}.{third + 1}.{host + 1}"


class HeldBlock:
    """A reserved address block; leaving its context releases it."""

    def __init__(self, block: AddressBlock, holder: socket.socket) -> None:
        self.block = block
        self._holder = holder

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def fileno(self) -> int:
        """Return the file descriptor that reserves the block; a process that inherits it reserves the block too."""
        return self._holder.fileno()

    def close(self) -> None:
        """Release the block."""
        self._holder.close()


def take_block() -> HeldBlock:
    """Reserve a block that is free on this machine; safe against concurrent callers.

    Raises:
        HarnessError: All blocks are reserved, or loopback addresses other than 127.0.0.1 cannot be bound.
    """
    count = LAST_BLOCK - FIRST_BLOCK + 1
    # Start at a random block, so that a block released a moment ago is rarely reused at once.
    start = int.from_bytes(os.urandom(2)) % count
    last = ""
    for is_enough, offset in product((_is_unused, lambda _block: True), range(count)):
        block = AddressBlock(FIRST_BLOCK + (start + offset) % count)
        try:
            held = HeldBlock(block, _listen(block.node_address, _HOLD_PORT))
        except OSError as error:
            last = error.strerror or str(error)
            continue
        left = _left_over(block)
        if not left and is_enough(block):
            return held
        held.close()
        if left:
            last = f"a process of another cluster still listens at {left}"
    raise HarnessError(
        f"None of the {count} address blocks 127.{FIRST_BLOCK} to 127.{LAST_BLOCK} is free: {last}.",
        hint=f"Local clusters need loopback addresses 127.x.y.z and port {_HOLD_PORT} on them; "
        "`harness cluster status` lists persistent clusters.",
    )


def _left_over(block: AddressBlock) -> str:
    """Return an address and port in a reserved block at which something listens; empty if nothing does.

    When a cluster is killed, its reservation may end a moment before its pods do.
    """
    prefix, own = f"127.{block.number}.", (block.node_address, _HOLD_PORT)
    found = (each for each in all_listeners() if each.address.startswith(prefix) and (each.address, each.port) != own)
    return next((f"{each.address}:{each.port}" for each in found), "")


def _is_unused(block: AddressBlock) -> bool:
    """Return True if a reserved block has no socket but the one that reserves it."""
    return sockets_below(f"127.{block.number}.") <= {(block.node_address, _HOLD_PORT)}


def free_port(address: str, first: int, count: int = 100) -> int:
    """Return the first port from ``first`` on which nothing listens at ``address`` or at 0.0.0.0.

    Raises:
        HarnessError: None of ``count`` ports is free.
    """
    for port in range(first, first + count):
        try:
            _listen(address, port).close()
        except OSError:
            continue
        return port
    raise HarnessError(f"No port from {first} to {first + count - 1} is free at {address}.")


def _listen(address: str, port: int) -> socket.socket:
    """Open a listening socket without SO_REUSEADDR, so that no other socket can share the port."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.bind((address, port))
        listener.listen(1)
    except OSError:
        listener.close()
        raise
    return listener
