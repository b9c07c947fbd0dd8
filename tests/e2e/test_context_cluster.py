"""A cluster that is there already, by its kubeconfig: here a standing local one, as far as anybody can tell."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import CommandLine, Finished
from starved import code_of, is_starved

from harness.kube.client import Kube

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

NAME = "there"
FOREIGN = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "payments"}}


@dataclass(frozen=True)
class Standing:
    """A cluster that others use too."""

    command: CommandLine
    kubeconfig: Path
    url: str

    def run(self, experiment: Path, *more: str | Path) -> Finished:
        """Run an Experiment on it."""
        where = ("--cluster", "context", "--kubeconfig", self.kubeconfig, "--entry-url", self.url)
        return self.command.run("run", experiment, *where, *more)

    def namespaces(self) -> set[str]:
        """The names of all namespaces."""
        with Kube(self.kubeconfig) as kube:
            return {found["metadata"]["name"] for found in kube.list("Namespace", "")}


@pytest.fixture
def standing(harness: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Standing]:
    """It is up, with somebody's namespace on it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    up = harness.run("cluster", "up", "--name", NAME)
    assert up.code == 0, up.err
    config = Path(harness.run("cluster", "kubeconfig", "--name", NAME).out.strip())
    with Kube(config) as kube:
        kube.create(FOREIGN, "")
    yield Standing(harness, config, next(word for word in up.out.split() if word.startswith("http://")))
    assert harness.run("cluster", "down", "--name", NAME).code == 0


def test_it_is_used_and_left_as_it_was(standing: Standing, experiment: Callable[..., Path], tmp_path: Path) -> None:
    """Two cells in turn, each in a namespace of its own; afterwards there is what was there before, and no more."""
    before = standing.namespaces()
    patch = {
        "selector-patch": {"service": "apple-service", "selector": {"version": "banana-v1"}, "answer": "banana-v1"}
    }
    ready = {"httpGet": {"path": "/", "port": 5678}, "periodSeconds": 1}
    containers = [{"name": "apple", "readinessProbe": ready}]
    probe = {
        "kind": "Deployment",
        "metadata": {"name": "apple"},
        "spec": {"template": {"spec": {"containers": containers}}},
    }
    (tmp_path / "probe.yaml").write_text(json.dumps(probe))
    file = experiment(changes=["none", patch], matrix={"lifecycle": {"probe": {"patch": "probe.yaml"}}})
    finished = standing.run(file, "--context", f"harness-{NAME}", "--yes", "--out", tmp_path / "run", "--json")

    cells = finished.json["cells"]
    assert [cell["change"] for cell in cells] == ["none", "selector-patch"]
    assert all(cell["verdict"] == "lossless" or is_starved(cell, cells) for cell in cells), finished.err
    assert finished.code == code_of(cells)
    assert standing.namespaces() == before
    assert NAME in json.loads((tmp_path / "run" / "end.json").read_text())["facts"]["cluster"]
    assert not list((tmp_path / "run").rglob("kubeconfig"))


def test_nothing_is_done_without_a_yes(standing: Standing, experiment: Callable[..., Path]) -> None:
    """Nobody to ask, or no context named: refused, with the cluster or the contexts named, and nothing made."""
    before = standing.namespaces()
    unasked = standing.run(experiment(), "--context", f"harness-{NAME}")
    unnamed = standing.run(experiment(), "--yes")

    assert (unasked.code, unnamed.code) == (2, 2)
    assert f"context harness-{NAME}" in unasked.err
    assert f"harness-{NAME}" in unnamed.err
    assert standing.namespaces() == before
