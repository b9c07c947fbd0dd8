"""Ports for servers that tests start."""

from __future__ import annotations

import random
import socket
from contextlib import suppress

#: Below the kernel's range for outgoing connections, so that no client takes such a port before its server does.
_FIRST, _END = 10_000, 32_000


def free_port(address: str = "127.0.0.1") -> int:
    """Return a port on which nothing listens now. It is random, since tests run side by side."""
    while True:
        port = random.randrange(_FIRST, _END)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((address, port))
            return port
