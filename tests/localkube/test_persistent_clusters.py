"""Persistent clusters, with a fake process."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from harness.clusters.local import persistent
from harness.errors import BringUpError, InvalidInputError
from harness.kit import interruption
from harness.kit.interruption import Interrupted
from harness.kit.leftovers import left_over_processes
from harness.kit.waiting import wait_until
from harness.runner.doctor import remedy

pytestmark = pytest.mark.processes

FakeNode = Callable[[str], None]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Use a state directory of the test; stop its clusters at the end."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    yield tmp_path / "harness" / "clusters"
    for cluster in persistent.status():
        persistent.down(cluster.name)


def pids_of(directory: Path) -> list[int]:
    """Return the guardian's PID and those of its descendants."""
    guardian = json.loads((directory / "guardian.json").read_text())["pid"]
    return [guardian, *(p.pid for p in psutil.Process(guardian).children(recursive=True))]


def runs(pid: int) -> bool:
    """Return True if a process runs; a zombie does not count."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_cluster_runs_until_down(home: Path, fake_node: FakeNode) -> None:
    """``up`` leaves it running below init, ``status`` and ``kubeconfig`` find it, ``down`` removes everything."""
    fake_node("works")
    cluster = persistent.up("demo")
    pids = pids_of(home / "demo")

    assert (cluster.state, persistent.status()) == ("up", [cluster])
    assert persistent.kubeconfig("demo").read_text().count("harness-demo")
    assert cluster.entry_url.startswith("http://127.")
    assert len(pids) == 3
    assert not set(pids) & {p.pid for p in psutil.Process().children(recursive=True)}
    persistent.down("demo")
    assert not any(map(runs, pids))
    assert persistent.status() == []


def test_a_second_up_is_an_error(home: Path, fake_node: FakeNode) -> None:
    """A cluster that is up is not started again."""
    fake_node("works")
    persistent.up("demo")

    with pytest.raises(InvalidInputError, match="is up already"):
        persistent.up("demo")


def test_a_killed_cluster_is_down_and_can_be_started_again(home: Path, fake_node: FakeNode) -> None:
    """After SIGKILL of its guardian it counts as down; the next ``up`` kills the leftover processes and starts it."""
    fake_node("works")
    persistent.up("demo")
    guardian, *below = pids_of(home / "demo")
    os.kill(guardian, signal.SIGKILL)
    wait_until(lambda: not runs(guardian), timeout=60, what="the guardian to be gone")

    assert persistent.status()[0].state == "down"
    with pytest.raises(InvalidInputError, match="is no longer up"):
        persistent.kubeconfig("demo")
    assert persistent.up("demo").state == "up"
    assert not any(map(runs, below))


def test_a_reused_guardian_pid_is_not_a_cluster(home: Path, fake_node: FakeNode) -> None:
    """If another process now has the guardian's PID, the cluster is down, and that process is not killed."""
    (home / "old").mkdir(parents=True)
    (home / "old" / "guardian.json").write_text(json.dumps({"pid": os.getpid(), "started": 1}))

    assert [(c.name, c.state, c.entry_url) for c in persistent.status()] == [("old", "down", "-")]
    persistent.down("old")
    assert persistent.status() == []


def test_failed_up_leaves_no_process(home: Path, fake_node: FakeNode, impatient: Callable[[Path], None]) -> None:
    """A failed bring-up stops its processes and names the step; the logs are kept until the next attempt."""
    impatient(home / "demo")
    fake_node("hangs")
    with pytest.raises(BringUpError, match="waiting for the API server"):
        persistent.up("demo")

    assert persistent.status()[0].state == "down"
    assert (home / "demo" / "logs" / "node.log").exists()
    assert not runs(json.loads((home / "demo" / "guardian.json").read_text())["pid"])
    assert not runs(int((home / "demo" / "pid").read_text()))


@pytest.mark.parametrize(
    "moment", ["taking loopback addresses", "starting the cluster's process", "waiting for the API"]
)
def test_an_interrupted_up_leaves_nothing(home: Path, fake_node: FakeNode, moment: str) -> None:
    """An interrupted bring-up stops its processes and removes its folder, and ``status`` does not list it."""
    fake_node("hangs")

    def progress(text: str) -> None:
        if text.startswith(moment):
            interruption.interrupt()

    with interruption.fresh(), pytest.raises(Interrupted, match="nothing of the cluster demo is left"):
        persistent.up("demo", progress=progress)

    assert persistent.status() == []
    assert [process for process in psutil.process_iter(["cmdline"]) if str(home) in str(process.info["cmdline"])] == []


def test_leftovers_of_a_killed_guardian_belong_to_their_cluster(home: Path, fake_node: FakeNode) -> None:
    """``doctor`` suggests to stop the cluster instead of killing single processes."""
    fake_node("works")
    persistent.up("demo")
    guardian, *below = pids_of(home / "demo")
    os.kill(guardian, signal.SIGKILL)
    wait_until(lambda: not runs(guardian), timeout=60, what="the guardian to be gone")
    left = [process for process in left_over_processes() if process.pid in below]
    other = replace(left[0], pid=7, guardian=8)

    assert remedy(left, persistent.guardians()) == "harness cluster down --name demo"
    assert remedy([*left, other], persistent.guardians()) == "harness cluster down --name demo; kill 7"


@pytest.mark.parametrize("act", [persistent.down, persistent.kubeconfig])
def test_unknown_cluster_is_an_error(home: Path, act: Callable[[str], object]) -> None:
    """The error for an unknown name lists the existing names."""
    with pytest.raises(InvalidInputError, match="there is no cluster 'nobody'"):
        act("nobody")


@pytest.mark.parametrize("name", ["", "../up", "A", "-x", "a" * 60])
def test_an_invalid_name_is_an_error(home: Path, name: str) -> None:
    """A name cannot point outside the state directory."""
    with pytest.raises(InvalidInputError, match="is not a valid name"):
        persistent.up(name)
