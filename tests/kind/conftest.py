"""Kind clusters that the tests here share, and cells that are run on them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from command_line import ROOT, CommandLine

#: How the standing clusters of these tests are called; made by the first that needs one, taken down after the last.
NAME = "harness"
#: What a busy machine can be found to have done to a sender, and notes.
BUSY = {"behind-schedule", "machine-saturated", "missed-slots", "control-missing"} | {
    "sender-paused", "connections-cut", "pool-not-filled", "false-green",
}  # fmt: skip
#: Seconds for a cluster to come up.
UP_SECONDS = 900


@pytest.fixture(scope="session")
def node_image() -> tuple[str, ...]:
    """The option for another node image, where the environment names one."""
    image = os.environ.get("HARNESS_KIND_NODE_IMAGE", "")
    return ("--node-image", image) if image else ()


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder of the tests' own: a cluster that stands on this machine is not theirs."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture
def harness(tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    """The command line; the test fails if it leaves a process."""
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    command = CommandLine(tmp_path)
    yield command
    try:
        command.wait_for_none()
    finally:
        for pid in command.processes():
            os.kill(pid, signal.SIGKILL)


@contextmanager
def standing(name: str, *options: str, state: Path, folder: Path) -> Iterator[str]:
    """A cluster that stands while the context lasts, by its name."""
    command, env = CommandLine(folder), {"XDG_STATE_HOME": str(state)}
    where = ("--cluster", "kind", "--name", name)
    up = command.run("cluster", "up", *where, *options, timeout=UP_SECONDS, env=env)
    assert up.code == 0, up.err
    yield name
    down = command.run("cluster", "down", *where, timeout=300, env=env)
    assert down.code == 0, down.err


@pytest.fixture(scope="session")
def cluster(state: Path, node_image: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A cluster with ingress-nginx, for all files that name it; those that need another come before them."""
    with standing(f"{NAME}-test-{os.getpid()}", *node_image, state=state, folder=tmp_path_factory.mktemp("up")) as name:
        yield name


@pytest.fixture(scope="module")
def traefik_cluster(
    state: Path, node_image: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A cluster with Traefik, for one file."""
    options = ("--ingress", "traefik", *node_image)
    name = f"{NAME}-test-traefik-{os.getpid()}"
    with standing(name, *options, state=state, folder=tmp_path_factory.mktemp("up")) as up:
        yield up


@dataclass(frozen=True)
class Cells:
    """Runs cells of shipped Experiments on a cluster that stands."""

    harness: CommandLine

    def run(self, cluster: str, experiment: str, only: str, out: Path, *options: str) -> dict[tuple[str, str], Any]:
        """Some cells; every one must be as expected. Returns them by configuration and change.

        Where nothing but a machine without processor time to spare kept a cell from its verdict, the test is skipped:
        the harness has rightly said that it can't tell.
        """
        finished = self.harness.run(
            "run", ROOT / "experiments" / experiment, "--cluster", "kind", "--reuse", "--cluster-name", cluster,
            "--only", only, "--out", out, "--json", *options, timeout=1200,
        )  # fmt: skip
        assert finished.code in {0, 1, 3}, finished.err
        wrong = {
            "{configuration} x {change}: {verdict}, lost {lost}, {findings}".format_map(cell): cell
            for cell in finished.json["cells"]
            if not cell["as_expected"]
        }
        busy = [
            text for text, cell in wrong.items() if cell["verdict"] == "inconclusive" and set(cell["findings"]) <= BUSY
        ]
        assert [text for text in wrong if text not in busy] == []
        if busy:
            pytest.skip(f"this machine was too busy to say: {busy}")
        return {(cell["configuration"], cell["change"]): cell for cell in finished.json["cells"]}


@pytest.fixture
def cells(harness: CommandLine) -> Cells:
    """Cells of shipped Experiments."""
    return Cells(harness)
