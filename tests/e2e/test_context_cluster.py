"""A run uses an existing cluster by its kubeconfig, here a persistent local one."""

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
class Existing:
    """A cluster that others use too."""

    command: CommandLine
    kubeconfig: Path
    url: str

    def run(self, experiment: Path, *more: str | Path) -> Finished:
        """Run an Experiment on it."""
        where = ("--cluster", "context", "--kubeconfig", self.kubeconfig, "--entry-url", self.url)
        return self.command.run("run", experiment, *where, *more)

    def namespaces(self) -> set[str]:
        """Return the names of all namespaces."""
        with Kube(self.kubeconfig) as kube:
            return {found["metadata"]["name"] for found in kube.list("Namespace", "")}


@pytest.fixture
def existing(harness: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Existing]:
    """Return the running cluster, with a namespace of others."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    up = harness.run("cluster", "up", "--name", NAME)
    assert up.code == 0, up.result
    config = Path(harness.run("cluster", "kubeconfig", "--name", NAME).out.strip())
    with Kube(config) as kube:
        kube.create(FOREIGN, "")
    yield Existing(harness, config, next(word for word in up.out.split() if word.startswith("http://")))
    assert harness.run("cluster", "down", "--name", NAME).code == 0


def test_it_is_used_and_left_as_it_was(existing: Existing, experiment: Callable[..., Path], tmp_path: Path) -> None:
    """Two cells run one after the other, each in its own namespace. Afterwards the cluster is as before."""
    before = existing.namespaces()
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
    finished = existing.run(file, "--context", f"harness-{NAME}", "--yes", "--out", tmp_path / "run", "--json")

    cells = finished.json["cells"]
    assert [cell["change"] for cell in cells] == ["none", "selector-patch"]
    assert all(cell["verdict"] == "lossless" or is_starved(cell, cells) for cell in cells), finished.result
    assert finished.code == code_of(cells), finished.result
    assert existing.namespaces() == before
    assert NAME in json.loads((tmp_path / "run" / "end.json").read_text())["facts"]["cluster"]
    assert not list((tmp_path / "run").rglob("kubeconfig"))


def test_nothing_is_done_without_confirmation(existing: Existing, experiment: Callable[..., Path]) -> None:
    """Without a terminal or a context, the run is refused, and nothing is created."""
    before = existing.namespaces()
    unasked = existing.run(experiment(), "--context", f"harness-{NAME}")
    unnamed = existing.run(experiment(), "--yes")

    assert (unasked.code, unnamed.code) == (2, 2), unasked.result
    assert f"context harness-{NAME}" in unasked.err
    assert f"harness-{NAME}" in unnamed.err
    assert existing.namespaces() == before
