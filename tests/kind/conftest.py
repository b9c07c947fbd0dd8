"""Kind clusters that the tests here share, and cells that are run on them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from command_line import ROOT, CommandLine

#: How the standing clusters of these tests are called; made by the first that needs one, taken down after the last.
NAME = "harness"
#: What a busy machine can be found to have done to a sender.
BUSY = {"behind-schedule", "machine-saturated", "missed-slots"}
#: What follows of it; by themselves these are faults.
STARVED = {"no-overlap", "control-missing", "loss-in-control", "loss-before-change", "requests-lost"}
#: What changes no verdict.
NOTES = {"sender-paused", "connections-cut", "pool-not-filled", "false-green"}
#: Seconds for a cluster to come up.
UP_SECONDS = 900


#: Seconds since the epoch after which no test starts, from the environment; tests that do not start are skipped.
UNTIL = "HARNESS_KIND_UNTIL"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test that would start after the time limit of the whole run."""
    until = float(os.environ.get(UNTIL) or "inf")
    if time.time() > until:
        pytest.skip(f"out of time: {item.name} would start after the limit that {UNTIL} sets")


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


@dataclass
class Cells:
    """Runs cells of shipped Experiments on a cluster that stands.

    Attributes:
        harness: The command line.
        busy: The cells that nothing but a machine without processor time to spare kept from their verdict.
    """

    harness: CommandLine
    busy: list[str] = field(default_factory=list)

    def run(self, cluster: str, experiment: str, only: str, out: Path, *options: str) -> dict[tuple[str, str], Any]:
        """Some cells; every one must be as its Experiment expects. Returns them by configuration and change."""
        finished = self.harness.run(
            "run", ROOT / "experiments" / experiment, "--cluster", "kind", "--reuse", "--cluster-name", cluster,
            "--only", only, "--out", out, "--json", *options, timeout=1200,
        )  # fmt: skip
        assert finished.code in {0, 1, 3}, finished.err
        cells = finished.json["cells"]
        # Where the sender was late, gaps in its streams are its own fault, and losses without a change the machine's.
        late = any(BUSY & set(cell["findings"]) for cell in cells)
        tolerated = NOTES | (BUSY | STARVED if late else set())
        wrong = []
        for cell in cells:
            text = "{configuration} x {change}: {verdict}, lost {lost}, {findings}".format_map(cell)
            if cell["verdict"] == "inconclusive" and set(cell["findings"]) <= tolerated:
                self.busy.append(text)
            elif cell["as_expected"]:
                continue
            elif BUSY & set(cell["findings"]):
                # A node without processor time fails probes of pods that nobody touched, and requests are truly lost.
                self.busy.append(text)
            else:
                wrong.append(text)
        assert wrong == []
        return {(cell["configuration"], cell["change"]): cell for cell in cells}

    def conclude(self) -> None:
        """The end of a test: skipped where the harness has rightly said that it can't tell."""
        if self.busy:
            pytest.skip(f"this machine was too busy to say: {self.busy}")


@pytest.fixture
def cells(harness: CommandLine) -> Cells:
    """Cells of shipped Experiments."""
    return Cells(harness)
