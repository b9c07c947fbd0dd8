"""The network of one pod: its address, which refuses while the network lives and is silent once it is removed.

All containers of a pod share it. The end of one container closes that container's listeners and connections, as the
end of any process does, and the network refuses whoever connects after that. It is removed after the last container
has ended for good.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from harness.localkube.kubelet.listeners import listening_ports
from harness.localkube.kubelet.silence import Silence


class PodNetwork:
    """The network of a pod, from its address to its removal.

    Args:
        address: The pod's address.
        silence: Keeps addresses silent.
        ports: Ports that the pod's containers declare.

    Attributes:
        address: The pod's address.
        removed: Set once the network is removed.
    """

    def __init__(self, address: str, silence: Silence, ports: Iterable[int] = ()) -> None:
        self.address = address
        self.removed = asyncio.Event()
        self._silence = silence
        self._ports = set(ports)

    def notice_listeners(self) -> None:
        """Remember the ports that are listened on now; a container need not declare the ports that it serves.

        Called when a probe succeeds and when the pod is stopped. A pod that ends by itself, without probes and without
        declared ports, is refused to the end.
        """
        self._ports |= listening_ports(self.address)

    def remove(self) -> None:
        """Remove the network: from now on nothing comes back from the ports that were declared or listened on."""
        for port in sorted(self._ports):
            self._silence.fall(self.address, port)
        self.removed.set()
