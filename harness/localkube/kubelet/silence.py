"""What is left of a pod's address when its network is gone: nobody, who answers nothing.

On a real cluster a packet to such an address is lost without a word, so whoever connects waits until its own patience
ends. On a loopback address the kernel would refuse at once, which is another failure and a much shorter one: an ingress
controller that still knows the pod would go on to the next in no time.
"""

from __future__ import annotations

import errno
import socket
from collections import OrderedDict

#: Addresses that are kept silent; beyond them the oldest are refused again. Nobody knows a pod for so long.
MOST = 256


class Silence:
    """Listeners that never accept, their queues full: the kernel drops what wants to connect.

    Args:
        most: How many are kept.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[str, int], tuple[socket.socket, socket.socket]] = OrderedDict()

    def fall(self, address: str, port: int) -> bool:
        """Make an address silent from now on; False where somebody still listens there."""
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
            return False
        # A backlog of 0 has room for one, and this is the one; unless somebody was faster, who then waits in our place.
        filler = socket.socket()
        filler.settimeout(0)
        filler.connect_ex((address, port))
        self._kept[address, port] = (listener, filler)
        while len(self._kept) > self._most:
            _, (oldest, inside) = self._kept.popitem(last=False)
            oldest.close()
            inside.close()
        return True

    def end(self) -> None:
        """Let all addresses go."""
        for listener, filler in self._kept.values():
            listener.close()
            filler.close()
        self._kept.clear()
