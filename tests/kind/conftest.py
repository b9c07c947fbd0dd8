"""Shared kind clusters, and a runner of cells on them."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from built_to_lose import EXPERIMENTS, wrong_causes
from command_line import ROOT, CommandLine

#: The start of the names of persistent clusters. The first test that needs one makes it. It ends after the last.
NAME = "harness"
#: Codes of findings about a sender on a busy machine.
BUSY = {"behind-schedule", "machine-saturated", "missed-slots"}
#: Codes of findings that may follow from it. By themselves they are faults.
STARVED = {"no-overlap", "control-missing", "loss-in-control", "loss-before-change", "requests-lost"}
#: Codes of findings that change no verdict.
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
    """Return the option for another node image, if the environment names one."""
    image = os.environ.get("HARNESS_KIND_NODE_IMAGE", "")
    return ("--node-image", image) if image else ()


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state folder for the tests, so that persistent clusters of this machine are not used."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture
def harness(tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    """Return the command line. The test fails if it leaves a process."""
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    command = CommandLine(tmp_path)
    yield command
    try:
        command.wait_for_none()
    finally:
        for pid in command.processes():
            os.kill(pid, signal.SIGKILL)


@contextmanager
def persistent(name: str, *options: str, state: Path, folder: Path) -> Iterator[str]:
    """Yield the name of a cluster that is up during the context."""
    command, env = CommandLine(folder), {"XDG_STATE_HOME": str(state)}
    where = ("--cluster", "kind", "--name", name)
    up = command.run("cluster", "up", *where, *options, timeout=UP_SECONDS, env=env)
    assert up.code == 0, up.err
    yield name
    down = command.run("cluster", "down", *where, timeout=300, env=env)
    assert down.code == 0, down.err


@pytest.fixture(scope="session")
def cluster(state: Path, node_image: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return a cluster with ingress-nginx, shared by all files that use it. Tests with other clusters come before."""
    name = f"{NAME}-test-{os.getpid()}"
    with persistent(name, *node_image, state=state, folder=tmp_path_factory.mktemp("up")) as up:
        yield up


@pytest.fixture(scope="module")
def traefik_cluster(
    state: Path, node_image: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Return a cluster with Traefik, for one file."""
    options = ("--ingress", "traefik", *node_image)
    name = f"{NAME}-test-traefik-{os.getpid()}"
    with persistent(name, *options, state=state, folder=tmp_path_factory.mktemp("up")) as up:
        yield up


@dataclass
class Cells:
    """A runner of cells of shipped Experiments on a persistent cluster.

    Attributes:
        harness: The command line.
        busy: The cells that are inconclusive only because the machine was busy, one line each.
        busy_ids: The ids of these cells.
    """

    harness: CommandLine
    busy: list[str] = field(default_factory=list)
    busy_ids: set[str] = field(default_factory=set)

    def note(self, cell: Mapping[str, Any], text: str) -> None:
        """Remember a cell whose result is unknown because the machine was busy."""
        self.busy.append(text)
        self.busy_ids.add("{configuration}--{change}".format_map(cell))

    def run(self, cluster: str, experiment: str, only: str, out: Path, *options: str) -> dict[tuple[str, str], Any]:
        """Run some cells, each of which must be as expected. Return them by configuration and change."""
        finished = self.harness.run(
            "run", ROOT / "experiments" / experiment, "--cluster", "kind", "--reuse", "--cluster-name", cluster,
            "--only", only, "--out", out, "--json", *options, timeout=1200,
        )  # fmt: skip
        assert finished.code in {0, 1, 3}, finished.err
        cells = finished.json["cells"]
        # A late sender explains gaps in its streams. A busy machine explains losses without a change.
        late = any(BUSY & set(cell["findings"]) for cell in cells)
        tolerated = NOTES | (BUSY | STARVED if late else set())
        wrong = []
        for cell in cells:
            text = "{configuration} x {change}: {verdict}, lost {lost}, {findings}".format_map(cell)
            if cell["verdict"] == "inconclusive" and set(cell["findings"]) <= tolerated:
                self.note(cell, text)
            elif cell["as_expected"]:
                continue
            elif BUSY & set(cell["findings"]):
                # On a busy node, probes of unchanged pods fail, and requests are really lost.
                self.note(cell, text)
            else:
                wrong.append(text)
        summary = (out / "summary.md").read_text(encoding="utf-8")
        assert wrong == [], summary
        assert self.wrong_causes(out, experiment.removesuffix(".yaml")) == [], summary
        return {(cell["configuration"], cell["change"]): cell for cell in cells}

    def wrong_causes(self, out: Path, experiment: str) -> list[str]:
        """Return a line for each cell of a run whose losses have other causes than it was built to have.

        Losses of a busy machine may have its cause.
        """
        verdict = json.loads((out / "verdict.json").read_text(encoding="utf-8"))
        quiet = [cell for cell in verdict["cells"] if cell["id"] not in self.busy_ids]
        return wrong_causes({**verdict, "cells": quiet}, EXPERIMENTS.get(experiment, {}))

    def conclude(self) -> None:
        """End a test. Skip it if a result is unknown because the machine was busy."""
        if self.busy:
            pytest.skip(f"this machine was too busy to say: {self.busy}")


@pytest.fixture
def cells(harness: CommandLine) -> Cells:
    """Return the runner of cells."""
    return Cells(harness)
