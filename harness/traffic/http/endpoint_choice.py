"""Where a connection goes: to one address for all, or to one of a Service's backends, chosen when it is opened.

A relay between client and pods would accept before it dials, and so hide every refusal. Here the client itself takes
one of the addresses that kube-proxy has programmed, as socket-level balancing does; from then on the connection is
between the two, and stays where it is for as long as it lives. What is imported here is gevent-safe.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from harness.kit.backends import Address, BackendsReader


class EndpointChoice(Protocol):
    """Chooses the address of each new connection."""

    def choose(self, connection: int) -> tuple[Any, ...]:
        """The address, as the ``socket`` module takes it, of the connection with this number."""


class RandomEndpoint:
    """One of a Service's backends for each connection, at random, as kube-proxy's rules choose.

    Args:
        backends: The file in which kube-proxy keeps them.
        nowhere: Address that refuses: it is taken where there is no backend.
        seed: Of the choices.
        chosen: Told of each connection's number and address.
    """

    def __init__(self, backends: Path, nowhere: Address, seed: int, chosen: Callable[[int, Address], None]) -> None:
        self._reader = BackendsReader(backends)
        self._nowhere = nowhere
        self._random = random.Random(seed)  # noqa: S311 - no secret: a choice that can be repeated
        self._chosen = chosen

    def choose(self, connection: int) -> tuple[Any, ...]:
        """One of the backends that are programmed at this moment; raises ``OSError`` if they can't be read."""
        addresses = self._reader.now().addresses
        address = self._random.choice(addresses) if addresses else self._nowhere
        self._chosen(connection, address)
        return address


class BackendLog:
    """``backends-<worker>.jsonl``: which backend each connection went to, in the file at once.

    Args:
        path: The file; an older one is replaced.
    """

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(path, flags, 0o644)

    def note(self, connection: int, address: Address) -> None:
        """Write a line; raises ``OSError`` where the disk is full, so that the connection is not opened."""
        line = json.dumps({"connection": connection, "backend": f"{address[0]}:{address[1]}"})
        os.write(self._fd, line.encode() + b"\n")

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)
