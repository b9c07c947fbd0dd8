"""A running application on real Kubernetes is changed under traffic, and restored after a kill."""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from command_line import CommandLine
from running_apps import apple_and_banana

from harness.clusters.shared.namespaces import remove_namespace
from harness.kit.waiting import wait_until
from harness.kube.client import Kube
from harness.runner.deploy import deploy

pytestmark = [pytest.mark.kind, pytest.mark.timeout(900)]

#: None of a trial.
NAMESPACE = "shop"
SWITCH = "selector-patch: {selector: {version: banana-v1}}"


@dataclass(frozen=True)
class Shop:
    """The application that runs already.

    Attributes:
        kubeconfig: Of its cluster.
        url: What its users ask for.
    """

    kubeconfig: Path
    url: str

    def words(self, what: str, change: str, out: Path) -> tuple[str | Path, ...]:
        """Return the arguments of a run in place."""
        context = yaml.safe_load(self.kubeconfig.read_text())["current-context"]
        where = ("--kubeconfig", self.kubeconfig, "--context", context, "-n", NAMESPACE, "--url", self.url, "--yes")
        pace = (
            "--rate",
            "20",
            "--timeout",
            "20s",
            "--connections",
            "new",
            "--control",
            "4s",
            "--baseline",
            "4s",
            "--settle",
            "2s",
        )
        return ("run", "--in-place", what, "--change", change, *where, *pace, "--out", out, "--json")

    def wait_for_answers(self) -> None:
        """Wait until the ingress routes to the application, as far as a row of new connections shows."""
        row = 0

        def answers() -> bool:
            nonlocal row
            row = row + 1 if self._answer() == "apple-v1" else 0
            return row >= 20

        wait_until(answers, timeout=300, what="apple to answer", interval=0.1)

    def _answer(self) -> str:
        with suppress(urllib.error.URLError), urllib.request.urlopen(self.url, timeout=60) as answer:
            return str(answer.read().decode()).strip()
        return ""

    def version(self) -> str:
        """Return the version that the public Service selects."""
        with Kube(self.kubeconfig) as kube:
            return str(kube.get("Service", "apple-service", NAMESPACE)["spec"]["selector"]["version"])


@pytest.fixture
def shop(cluster: str, state: Path) -> Iterator[Shop]:
    """Run apple and banana as shipped; apple with a probe and a preStop."""
    folder = state / "harness" / "kind" / cluster
    kubeconfig, port = folder / "kubeconfig", json.loads((folder / "cluster.json").read_text())["port"]
    load = ["kind", "load", "docker-image", "--name", cluster, "hashicorp/http-echo:1.0"]
    subprocess.run(load, check=True, capture_output=True)
    with Kube(kubeconfig) as kube:
        deploy(kube, list(apple_and_banana("readiness.yaml", "prestop-sleep-10.yaml")), NAMESPACE, shared=True)
        made = Shop(kubeconfig, f"http://127.0.0.1:{port}/apple")
        made.wait_for_answers()
        yield made
        remove_namespace(kube, NAMESPACE)


def test_restart_in_place(harness: CommandLine, shop: Shop, tmp_path: Path) -> None:
    """A restart of a graceful application loses nothing. On a busy machine, the result may be unknown."""
    finished = harness.run(*shop.words("deployment/apple", "restart", tmp_path / "run"), timeout=300)

    assert finished.code in {0, 3}, finished.err + finished.out
    if "change-withheld" in finished.json["cells"][1]["findings"]:
        pytest.skip(f"this machine was too busy for the change to be made: {finished.out}")
    with Kube(shop.kubeconfig) as kube:
        template = kube.get("Deployment", "apple", NAMESPACE)["spec"]["template"]
    assert template["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"]


def test_killed_run_is_undone(harness: CommandLine, shop: Shop, tmp_path: Path) -> None:
    """After ``kill -9``, the Service is still switched. ``harness undo`` restores it."""
    out = tmp_path / "run"
    process = harness.start(*shop.words("service/apple-service", SWITCH, out), "--hold", "60m")
    try:
        wait_until(
            lambda: process.poll() is not None or shop.version() == "banana-v1",
            timeout=600,
            what="the switch",
            interval=0.2,
        )
        if process.poll() is not None:
            pytest.skip(f"this machine was too busy for the change to be made: {harness.finish(process).err}")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    harness.finish(process)
    assert shop.version() == "banana-v1"

    undone = harness.run("undo", out, "--kubeconfig", shop.kubeconfig, timeout=120)
    assert undone.code == 0, undone.err + undone.out
    assert shop.version() == "apple-v1"
