"""Whoever connects to a pod that is gone gets no answer, as on a real network."""

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

#: Nobody's address in any block of a cluster.
ADDRESS = "127.0.77.1"


@pytest.fixture
def black_hole() -> Iterator[BlackHole]:
    """Room for two."""
    made = BlackHole(most=2)
    yield made
    made.close()


def free_port() -> int:
    """A port that nobody uses at the address."""
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return int(probe.getsockname()[1])


def answer(port: int, address: str = ADDRESS) -> str:
    """What a connection attempt meets."""
    try:
        socket.create_connection((address, port), timeout=0.2).close()
    except TimeoutError:
        return "no answer"
    except ConnectionRefusedError:
        return "refused"
    return "connected"


def test_a_silent_address_neither_accepts_nor_refuses(black_hole: BlackHole) -> None:
    """Before, the kernel refuses; then nothing comes back, each time anew."""
    port = free_port()
    assert answer(port) == "refused"
    assert black_hole.add(ADDRESS, port)
    assert [answer(port) for _ in range(3)] == ["no answer"] * 3


def test_who_connects_at_that_moment_holds_nothing_up(black_hole: BlackHole, monkeypatch: pytest.MonkeyPatch) -> None:
    """The only place in the queue is taken by a stranger: black_hole falls all the same, and at once."""
    port = free_port()
    stranger = socket.socket()

    class Listener(socket.socket):
        def listen(self, backlog: int = 0, /) -> None:
            super().listen(backlog)
            stranger.connect((ADDRESS, port))

    with stranger, monkeypatch.context() as patched:
        patched.setattr("harness.localkube.kubelet.black_hole.socket.socket", Listener)
        assert black_hole.add(ADDRESS, port)
    assert answer(port) == "no answer"


def test_where_somebody_listens_there_is_no_black_hole(black_hole: BlackHole) -> None:
    """A container that has not ended is left alone."""
    with socket.create_server((ADDRESS, 0)) as server:
        port = server.getsockname()[1]
        assert not black_hole.add(ADDRESS, port)
        assert answer(port) == "connected"


def test_the_oldest_is_let_go(black_hole: BlackHole) -> None:
    """So that a long life of a cluster does not use up all descriptors."""
    ports = [free_port() for _ in range(3)]
    for port in ports:
        assert black_hole.add(ADDRESS, port)
    assert [answer(port) for port in ports] == ["refused", "no answer", "no answer"]


def test_an_end_is_an_end(black_hole: BlackHole) -> None:
    """Afterwards the kernel refuses again."""
    port = free_port()
    black_hole.add(ADDRESS, port)
    black_hole.close()
    assert answer(port) == "refused"


def _is_ours(address: str) -> bool:
    """Whether the socket that listens there is this process's own: the kubelet runs in it, pods do not."""
    inode = listener_inode(address, 5678)
    return inode is not None and f"socket:[{inode}]" in _open_files()


def _open_files() -> set[str]:
    found = set()
    for each in list(Path("/proc/self/fd").iterdir()):
        with suppress(OSError):  # The folder's own is closed by now.
            found.add(str(each.readlink()))
    return found


@pytest.mark.processes
@pytest.mark.parametrize("grace", [5, 0])
def test_a_pod_that_is_gone_is_silent(on_cluster: Callable[..., Any], grace: int) -> None:
    """Deleted in order or by force: who still connects to its address waits in vain."""

    async def scenario(cluster: Any) -> str:
        probe = {"httpGet": {"path": "/", "port": 5678}, "periodSeconds": 1}
        container = {"ports": [{"containerPort": 5678}], "readinessProbe": probe}
        await cluster.deploy(container=container)
        pod = await cluster.ready_pod()
        await cluster.client.delete(PODS, pod["metadata"]["name"], "default", grace=grace)
        async with asyncio.timeout(60):
            while not _is_ours(pod["status"]["podIP"]):
                await asyncio.to_thread(answer, 5678, pod["status"]["podIP"])
        return answer(5678, pod["status"]["podIP"])

    assert on_cluster(scenario) == "no answer"
