"""The process that makes containers ends with its owner, and says how it ended, however it was started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.kit.waiting import wait_until
from harness.localkube.kubelet.container_server import ContainerServer, ExecutedServer, ForkedServer

pytestmark = pytest.mark.processes

KINDS: tuple[Callable[[Path], ContainerServer], ...] = (ExecutedServer, ForkedServer)


def ask(server: ContainerServer, request: dict[str, object]) -> dict[str, object]:
    """Send a request, and return the answer."""
    server.control.sendall(json.dumps(request).encode() + b"\n")
    answer: dict[str, object] = json.loads(server.control.recv(4096).splitlines()[0])
    return answer


def start(server: ContainerServer, log: Path) -> int:
    """Start a container; return its process ID."""
    order = {"app": "", "args": ["sleep", "60"], "env": {"PATH": os.environ["PATH"]}, "address": "127.9.9.9"}
    return int(str(ask(server, {"id": 1, "start": {**order, "log": str(log)}})["pid"]))


def is_gone(pid: int) -> bool:
    """Return True if the process has ended."""
    return not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_it_ends_when_its_owner_closes_the_socket(kind: Callable[[Path], ContainerServer], tmp_path: Path) -> None:
    """Every container is killed by then, and the exit code of the server can be read twice."""
    server = kind(tmp_path / "server.log")
    container = start(server, tmp_path / "container.log")
    assert not is_gone(container)
    server.control.close()

    assert [server.wait(60), server.wait(60)] == [0, 0]
    assert is_gone(container)


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_server_reports_its_signal(kind: Callable[[Path], ContainerServer], tmp_path: Path) -> None:
    """Its containers end with it."""
    server = kind(tmp_path / "server.log")
    container = start(server, tmp_path / "container.log")
    owner = int(Path(f"/proc/{container}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(owner, signal.SIGKILL)

    assert server.wait(60) == -signal.SIGKILL
    wait_until(lambda: is_gone(container), timeout=60, what="the end of the container")
    server.control.close()


def test_a_signal_after_the_end_of_its_process_has_no_effect(tmp_path: Path) -> None:
    """The number may be another process's by then, and the server goes on with the other containers."""
    server = ExecutedServer(tmp_path / "server.log")
    container = start(server, tmp_path / "container.log")
    argv = [sys.executable, "-S", "-c", "input()"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True) as stranger:
        os.kill(container, signal.SIGKILL)
        ended = json.loads(server.control.recv(4096))
        for pid in (container, stranger.pid):
            request = {"signal": {"pid": pid, "number": int(signal.SIGKILL), "tree": True}}
            server.control.sendall(json.dumps(request).encode() + b"\n")
        other = start(server, tmp_path / "other.log")
        stranger.communicate(b"\n")

    assert ended == {"exited": container, "code": 128 + signal.SIGKILL}
    assert stranger.returncode == 0
    assert not is_gone(other)
    server.control.close()
    assert server.wait(60) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_wait_has_an_end(kind: Callable[[Path], ContainerServer], tmp_path: Path) -> None:
    """A server that still runs is an error, not a hang."""
    server = kind(tmp_path / "server.log")
    with pytest.raises(TimeoutError):
        server.wait(0.05)
    server.control.close()
    server.wait(60)


OWNER = """
import os, sys, time
from pathlib import Path
from harness.localkube.kubelet.container_server import ForkedServer
held = os.open(sys.argv[1], os.O_RDONLY)
os.set_inheritable(held, True)
server = ForkedServer(Path(sys.argv[2]))
print(server._pid, flush=True)
time.sleep(60)
"""


def test_a_forked_server_keeps_no_file_of_its_owner_and_ends_with_it(tmp_path: Path) -> None:
    """So no socket of the node outlives the node; kill -9 of the node ends the server."""
    (tmp_path / "held").touch()
    argv = [sys.executable, "-c", OWNER, str(tmp_path / "held"), str(tmp_path / "server.log")]
    owner = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid = int(owner.stdout.readline())
    comm = Path(f"/proc/{pid}/comm")
    wait_until(lambda: comm.read_text() == "containers\n", timeout=60, what="the server")
    links = [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    assert str(tmp_path / "held") not in links
    owner.kill()
    owner.wait()
    owner.stdout.close()

    wait_until(lambda: is_gone(pid), timeout=60, what="the end of the server")
