"""Connections to a pod that is gone get no answer, as on a real network."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from harness.localkube.kubelet.black_hole import BlackHole
from harness.localkube.kubelet.listeners import listener_inode
from harness.localkube.machinery.resources import PODS

#: An address that no cluster assigns.
ADDRESS = "127.0.77.1"


@pytest.fixture
def black_hole() -> Iterator[BlackHole]:
    """Yield a black hole with room for two addresses."""
    made = BlackHole(most=2)
    yield made
    made.close()


def free_port() -> int:
    """Return an unused port of the address."""
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return int(probe.getsockname()[1])


def answer(port: int, address: str = ADDRESS) -> str:
    """Return the result of a connection attempt."""
    try:
        socket.create_connection((address, port), timeout=0.2).close()
    except TimeoutError:
        return "no answer"
    except ConnectionRefusedError:
        return "refused"
    except ConnectionResetError:  # a listener that took the connection was closed at this moment
        return "reset"
    return "connected"


def test_connections_to_an_added_address_get_no_answer(black_hole: BlackHole) -> None:
    """The kernel refuses before, and drops each connection attempt afterwards."""
    port = free_port()
    assert answer(port) == "refused"
    assert black_hole.add(ADDRESS, port)
    assert [answer(port) for _ in range(3)] == ["no answer"] * 3


def test_a_concurrent_connection_does_not_delay_the_black_hole(
    black_hole: BlackHole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a client takes the only place in the queue, the address still drops connections at once."""
    port = free_port()
    client = socket.socket()

    class Listener(socket.socket):
        def listen(self, backlog: int = 0, /) -> None:
            super().listen(backlog)
            client.connect((ADDRESS, port))

    with client, monkeypatch.context() as patched:
        patched.setattr("harness.localkube.kubelet.black_hole.socket.socket", Listener)
        assert black_hole.add(ADDRESS, port)
    assert answer(port) == "no answer"


def test_an_address_with_a_listener_is_not_added(black_hole: BlackHole) -> None:
    """A container that still runs keeps its port."""
    with socket.create_server((ADDRESS, 0)) as server:
        port = server.getsockname()[1]
        assert not black_hole.add(ADDRESS, port)
        assert answer(port) == "connected"


def test_the_oldest_address_is_released(black_hole: BlackHole) -> None:
    """Old addresses are released, so that a long-lived cluster does not use up its file descriptors."""
    ports = [free_port() for _ in range(3)]
    for port in ports:
        assert black_hole.add(ADDRESS, port)
    assert [answer(port) for port in ports] == ["refused", "no answer", "no answer"]


def test_close_releases_all_addresses(black_hole: BlackHole) -> None:
    """After ``close`` the kernel refuses again."""
    port = free_port()
    black_hole.add(ADDRESS, port)
    black_hole.close()
    assert answer(port) == "refused"


def _is_ours(address: str) -> bool:
    """Return True if this process holds the listener: the kubelet runs in it, but pods do not."""
    inode = listener_inode(address, 5678)
    return inode is not None and f"socket:[{inode}]" in _open_files()


def _open_files() -> set[str]:
    found = set()
    for each in list(Path("/proc/self/fd").iterdir()):
        with suppress(OSError):  # The descriptor of the folder itself is closed by now.
            found.add(str(each.readlink()))
    return found


@pytest.mark.processes
@pytest.mark.parametrize("grace", [5, 0])
def test_connections_to_a_deleted_pod_get_no_answer(on_cluster: Callable[..., Any], grace: int) -> None:
    """The pod is deleted with a grace period or by force."""

    async def scenario(cluster: Any) -> str:
        probe = {"httpGet": {"path": "/", "port": 5678}, "periodSeconds": 1}
        container = {"ports": [{"containerPort": 5678}], "readinessProbe": probe}
        await cluster.deploy(container=container)
        pod = await cluster.ready_pod()
        await cluster.client.delete(PODS, pod["metadata"]["name"], "default", grace=grace)
        async with asyncio.timeout(180):
            while not _is_ours(pod["status"]["podIP"]):
                await asyncio.to_thread(answer, 5678, pod["status"]["podIP"])
        return answer(5678, pod["status"]["podIP"])

    assert on_cluster(scenario) == "no answer"
