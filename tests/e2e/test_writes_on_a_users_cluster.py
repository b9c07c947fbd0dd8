"""A run writes only in its own namespaces on a user's cluster. Every write is recorded."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from command_line import ROOT, CommandLine
from recording_proxy import Recorded, Write, recording

from harness.kube.client import Kube

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

NAME = "users"
INGRESS_CLASS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "IngressClass",
    "metadata": {"name": "fruit"},
    "spec": {"controller": "example.com/somebody"},
}
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"team": "fruit"}}}
#: Patches and deletions; what changes create is shown without a cluster.
CHANGES = [
    {"restart": {"deployment": "apple-v1"}},
    {"delete-pod": {"deployment": "apple-v1"}},
    {"selector-patch": {"service": "apple-service", "selector": {"version": "apple-v2"}, "answer": "apple-v2"}},
]
TRAFFIC = {
    "rate": "50/s",
    "paths": [{"path": "/apple", "answers": "apple-v1"}],
    "methods": ["GET"],
    "connections": ["new"],
    "baseline": "1s",
    "settle": "1s",
    "timeout": "3s",
}
#: The command line without the checks that keep a run within its namespaces: what the record must catch.
SABOTAGED = """
import harness.runner.rules, harness.clusters.context.provider, harness.kube.client, harness.runner.deploy
harness.runner.rules.check_object = lambda manifest: None
harness.clusters.context.provider.refuse_cluster_scoped = lambda kube, manifests: None
harness.runner.deploy.refuse_cluster_scoped = lambda kube, manifests: None
harness.kube.client.write_path = lambda kind, namespace, name, action: kind.path(namespace, name)
from harness.__main__ import main
main()
"""


@dataclass(frozen=True)
class Users:
    """An existing cluster, with a record of the writes by this kubeconfig."""

    kubeconfig: Path
    url: str
    recorded: Recorded

    def words(self, experiment: Path) -> tuple[str | Path, ...]:
        """Return the arguments of a run on it."""
        where = ("--cluster", "context", "--context", f"harness-{NAME}", "--kubeconfig", self.kubeconfig)
        # A trial that is repeated has one more namespace.
        once = ("--retry-inconclusive", "0")
        return ("run", experiment, *where, "--entry-url", self.url, "--yes", "--out", "run", "--json", *once)

    def names(self, kind: str) -> set[str]:
        """Return the names of its objects of a cluster-scoped kind."""
        with Kube(self.kubeconfig) as kube:
            return {found["metadata"]["name"] for found in kube.list(kind, "")}


@pytest.fixture(scope="module")
def existing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Users]:
    """Return a running cluster whose writes by this kubeconfig pass a recorder."""
    folder = tmp_path_factory.mktemp("users")
    command, env = CommandLine(folder), {"XDG_STATE_HOME": str(folder / "state")}
    up = command.run("cluster", "up", "--name", NAME, env=env)
    assert up.code == 0, up.result
    direct = Path(command.run("cluster", "kubeconfig", "--name", NAME, env=env).out.strip())
    url = next(word for word in up.out.split() if word.startswith("http://"))
    with recording(direct, folder) as (kubeconfig, recorded):
        yield Users(kubeconfig, url, recorded)
    assert command.run("cluster", "down", "--name", NAME, env=env).code == 0
    command.wait_for_none()


@pytest.fixture
def users(existing: Users) -> Users:
    """Return the cluster with an empty record."""
    existing.recorded.clear()
    return existing


def workload(folder: Path, *more: dict[str, Any]) -> str:
    """Write two versions of apple, and further objects before them, into one file."""
    path = folder / "workload.yaml"
    apps = [file.read_text() for file in sorted((ROOT / "experiments" / "apps" / "apple-two-versions").iterdir())]
    path.write_text("\n---\n".join([*map(json.dumps, more), *apps]), encoding="utf-8")
    return str(path)


def failures(folder: Path) -> list[str]:
    """Return the reasons for which trials could not be carried out."""
    outcomes = [json.loads(path.read_text()) for path in sorted(folder.glob("trials/*/*/outcome.json"))]
    return [outcome["failure"] for outcome in outcomes if outcome["failure"]]


def test_a_run_writes_into_its_own_namespaces_alone(
    harness: CommandLine, users: Users, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """Outside of them, the only writes are their own creation and deletion."""
    before = users.names("Namespace"), users.names("IngressClass")
    file = experiment(
        workload=workload(tmp_path, NAMESPACE),
        traffic=TRAFFIC,
        matrix={"lifecycle": {"bare": {}}},
        changes=CHANGES,
        control=False,
    )
    finished = harness.run(*users.words(file))

    assert finished.code in {0, 1, 3}, finished.result
    assert failures(tmp_path / "run") == []
    assert users.recorded.outside() == []
    assert len(users.recorded.made) == len(CHANGES)
    assert {write.method for write in users.recorded.writes} >= {"POST", "PATCH", "DELETE"}
    assert (users.names("Namespace"), users.names("IngressClass")) == before
    texts = [
        finished.err,
        *((tmp_path / "run" / name).read_text() for name in ("run.json", "verdict.json", "index.html")),
    ]
    assert ["Namespace shop is left out" in text for text in texts] == [True] * 4


def test_a_cluster_scoped_object_is_refused(
    harness: CommandLine, users: Users, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """The exit code is 2, the object's line and the ways out are named, and nothing is written."""
    file = experiment(workload=workload(tmp_path, INGRESS_CLASS), traffic=TRAFFIC)
    finished = harness.run(*users.words(file))

    assert finished.code == 2, finished.result
    assert "workload.yaml:1: IngressClass fruit is cluster-scoped" in finished.err
    assert "create it before the run" in finished.err
    assert users.recorded.writes == []
    assert not (tmp_path / "run").exists()


def test_the_record_catches_a_write_outside(
    harness: CommandLine, users: Users, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """Without the checks, the same run creates the IngressClass, and the record has that write."""
    file = experiment(workload=workload(tmp_path, INGRESS_CLASS), traffic=TRAFFIC, control=False)
    words = map(str, users.words(file))
    finished = harness.finish(harness.start_command([sys.executable, "-c", SABOTAGED, *words]))

    assert users.recorded.outside() == [Write("POST", "/apis/networking.k8s.io/v1/ingressclasses")], finished.result
    assert "fruit" in users.names("IngressClass")
