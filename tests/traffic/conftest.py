"""Servers and clients that are closed at the end of each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from client_rig import Handler, Rig
from gevent.server import StreamServer

from harness.traffic.calibration.server import FaultyServer


@pytest.fixture
def serve() -> Iterator[Callable[..., int]]:
    """Start servers in this process and return their ports; with ``ssl_context`` they use TLS."""
    servers: list[StreamServer] = []

    def start(handler: Handler, **settings: Any) -> int:
        server = StreamServer(("127.0.0.1", 0), handler, **settings)
        server.start()
        servers.append(server)
        port: int = server.server_port
        return port

    yield start
    for server in servers:
        server.stop(timeout=0)
    gevent.sleep(0)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FaultyServer]:
    """Start a faulty server as a process of its own."""
    with FaultyServer.start(tmp_path / "server") as running:
        yield running


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    """Make clients, and close them at the end."""
    rigs: list[Rig] = []

    def make(port: int, **settings: Any) -> Rig:
        made = Rig(tmp_path, port, **settings)
        rigs.append(made)
        return made

    yield make
    for made in rigs:
        made.close()
