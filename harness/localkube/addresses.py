"""Which loopback addresses a cluster has, so that no two clusters on the machine ever share one.

Every cluster gets a block 127.B.0.0/16 of its own. A pod left over from one cluster can then never answer for a
pod of another, and each data plane has its own address. A block is held by a listening socket: the kernel lets
only one process in the machine have it, whoever's it is, and frees it when the last holder is gone.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from harness.errors import HarnessError

#: First and last block: 127.0 is everyone's, and low blocks are used by resolvers and the like.
FIRST_BLOCK, LAST_BLOCK = 16, 239

#: The port whose listener at the API server's address holds a block.
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
        """Where the API server and the node are: 127.B.0.1."""
        return f"127.{self.number}.0.1"

    @property
    def ingress_address(self) -> str:
        """Where the ingress data plane is: 127.B.0.2."""
        return f"127.{self.number}.0.2"

    @property
    def service_address(self) -> str:
        """Stands for a Service that has no endpoints: 127.B.0.3, where nobody ever listens."""
        return f"127.{self.number}.0.3"

    def pod_address(self, n: int) -> str:
        """The address of the n-th pod, counted from 1; a pod's number is never given twice.

        Raises:
            HarnessError: More than the 64,516 pods that one block has room for.
        """
        third, host = divmod(n - 1, _HOSTS)
        if not 0 <= third < _HOSTS:
            raise HarnessError(
                f"Pod number {n} has no address: a cluster has room for {_HOSTS * _HOSTS} pods in its life.",
                hint="Take the cluster down and bring it up again.",
            )
        return f"127.{self.number}.{third + 1}.{host + 1}"


class HeldBlock:
    """A block that nobody else can take until it is let go (context manager)."""

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
        """The descriptor that holds the block; whoever inherits it holds the block as well."""
        return self._holder.fileno()

    def close(self) -> None:
        """Let the block go."""
        self._holder.close()


def take_block() -> HeldBlock:
    """Take a block that is free on this machine, whoever else looks for one at the same time.

    Raises:
        HarnessError: All blocks are taken, or loopback addresses beyond 127.0.0.1 can't be used.
    """
    count = LAST_BLOCK - FIRST_BLOCK + 1
    # Begin at another place each time: a block given up a moment ago is the last one to be used again.
    start = int.from_bytes(os.urandom(2)) % count
    last = ""
    for offset in range(count):
        block = AddressBlock(FIRST_BLOCK + (start + offset) % count)
        try:
            return HeldBlock(block, _listen(block.node_address, _HOLD_PORT))
        except OSError as error:
            last = error.strerror or str(error)
    raise HarnessError(
        f"None of the {count} address blocks 127.{FIRST_BLOCK} to 127.{LAST_BLOCK} is free: {last}.",
        hint=f"Local clusters need loopback addresses 127.x.y.z and port {_HOLD_PORT} on them; "
        "`harness cluster status` lists standing clusters.",
    )


def free_port(address: str, first: int, count: int = 100) -> int:
    """The first port from ``first`` on that nobody listens on at ``address`` (nor at 0.0.0.0).

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
    """A listening socket; without SO_REUSEADDR it is the only one there."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.bind((address, port))
        listener.listen(1)
    except OSError:
        listener.close()
        raise
    return listener
