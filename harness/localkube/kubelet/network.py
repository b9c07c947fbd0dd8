"""The network of one pod: its address refuses connections until the network is removed, then drops them.

All containers of a pod share it. The end of one container closes that container's listeners and connections, as the end
of any process does, and later connections are refused. The network is removed after the last container has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from harness.localkube.kubelet.black_hole import BlackHole
from harness.localkube.kubelet.listeners import listening_ports


class PodNetwork:
    """The network of a pod, from its creation to its removal.

    Args:
        address: The pod's address.
        black_hole: Drops connections to removed addresses.
        ports: Ports that the pod's containers declare.
        ipv6: True if a program of the pod may listen with sockets of IPv6, as only a local command may.

    Attributes:
        address: The pod's address.
        removed: Set once the network is removed.
    """

    def __init__(self, address: str, black_hole: BlackHole, ports: Iterable[int] = (), *, ipv6: bool = False) -> None:
        self.address = address
        self.removed = asyncio.Event()
        self._black_hole = black_hole
        self._ports = set(ports)
        self._ipv6 = ipv6

    def notice_listeners(self) -> None:
        """Record the ports that have a listener now, because a container need not declare its ports.

        It is called when a probe succeeds and when the pod is stopped. The address of a pod that ends by itself,
        without probes or declared ports, keeps refusing connections.
        """
        self._ports |= listening_ports(self.address, ipv6=self._ipv6)

    def remove(self) -> list[int]:
        """Remove the network: declared and recorded ports drop all connections from now on.

        Returns:
            The ports that do not, because a socket of the pod keeps them.
        """
        kept = [port for port in sorted(self._ports) if not self._black_hole.add(self.address, port)]
        self.removed.set()
        return kept
