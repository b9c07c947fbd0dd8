"""Drop connections to the address of a pod whose network is removed, as a real cluster does.

On a real cluster, packets to such an address are lost, so a client waits until its own timeout. A loopback address
would refuse at once. That is another error and a much shorter one: an ingress controller that still lists the pod would
retry the next endpoint immediately.
"""

from __future__ import annotations

import errno
import socket
from collections import OrderedDict

#: Most addresses kept at once. Older ones refuse connections again; no component still lists their pods by then.
MAX_ADDRESSES = 256


class BlackHole:
    """A set of addresses that drop connections.

    Its listeners never accept and their queues are full, so that the kernel drops connection attempts.

    Args:
        most: Most addresses kept at once.
    """

    def __init__(self, most: int = MAX_ADDRESSES) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[str, int], tuple[socket.socket, socket.socket]] = OrderedDict()

    def add(self, address: str, port: int) -> bool:
        """Drop connections to an address from now on.

        Returns:
            False if connections are not dropped there, because another socket keeps the address: one that listens, or a
            closed connection of a program that listened without ``SO_REUSEADDR``. A port that only root can open is
            skipped, since no pod has listened there.
        """
        if (address, port) in self._kept:
            return True
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, port))
            listener.listen(0)
        except OSError as error:
            listener.close()
            if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise
            return error.errno == errno.EACCES
        # A backlog of 0 has room for one connection, and this one fills it. If a client is faster, its connection does.
        filler = socket.socket()
        filler.settimeout(0)
        filler.connect_ex((address, port))
        self._kept[address, port] = (listener, filler)
        while len(self._kept) > self._most:
            _, (oldest, inside) = self._kept.popitem(last=False)
            oldest.close()
            inside.close()
        return True

    def close(self) -> None:
        """Release all addresses."""
        for listener, filler in self._kept.values():
            listener.close()
            filler.close()
        self._kept.clear()
