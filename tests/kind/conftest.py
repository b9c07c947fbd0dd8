"""A kind cluster that the tests here share."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import CommandLine

#: The standing cluster of these tests; made by the first, taken down by the last.
NAME = "harness"
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


@pytest.fixture(scope="session")
def cluster(state: Path, node_image: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The cluster, by its name; up while tests run."""
    command = CommandLine(tmp_path_factory.mktemp("up"))
    env = {"XDG_STATE_HOME": str(state)}
    name = f"{NAME}-test-{os.getpid()}"
    up = command.run("cluster", "up", "--cluster", "kind", "--name", name, *node_image, timeout=UP_SECONDS, env=env)
    assert up.code == 0, up.err
    yield name
    down = command.run("cluster", "down", "--cluster", "kind", "--name", name, timeout=300, env=env)
    assert down.code == 0, down.err
