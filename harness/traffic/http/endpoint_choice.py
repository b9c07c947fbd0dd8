"""The choice of a Service's backend for each new connection.

A relay between client and pods would accept before it connects, and so hide every refusal. Instead the client itself
connects to one of the addresses that kube-proxy has programmed, as socket-level balancing does. The connection keeps
its backend for as long as it lives. All imports of this module are gevent-safe.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from harness.kit.backends import Address, BackendsReader


class EndpointChoice(Protocol):
    """Chooses the address of each new connection."""

    def choose(self, connection: int) -> tuple[Any, ...]:
        """Return the address, as the ``socket`` module takes it, for the connection with this number."""


class RandomEndpoint:
    """Chooses one of a Service's backends at random for each connection, as kube-proxy's rules do.

    Args:
        backends: The file in which kube-proxy keeps the backends.
        nowhere: An address that refuses connections, for a Service without backends.
        seed: Seed of the choices.
        chosen: Receives the number and address of each connection.
    """

    def __init__(self, backends: Path, nowhere: Address, seed: int, chosen: Callable[[int, Address], None]) -> None:
        self._reader = BackendsReader(backends)
        self._nowhere = nowhere
        self._random = random.Random(seed)  # noqa: S311 - no secret, but a repeatable choice
        self._chosen = chosen

    def choose(self, connection: int) -> tuple[Any, ...]:
        """Return one of the backends that are programmed now; raise ``OSError`` if they cannot be read."""
        addresses = self._reader.now().addresses
        address = self._random.choice(addresses) if addresses else self._nowhere
        self._chosen(connection, address)
        return address


class BackendLog:
    """``backends-<worker>.jsonl``: the backend of each connection, written at once.

    Args:
        path: The file; an older one is replaced.
    """

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(path, flags, 0o644)

    def note(self, connection: int, address: Address) -> None:
        """Write a line; raise ``OSError`` on a full disk, so that the connection is not opened."""
        os.write(self._fd, b'{"connection": %d, "backend": "%s:%d"}\n' % (connection, address[0].encode(), address[1]))

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)
