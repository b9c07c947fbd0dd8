"""A persistent cluster is managed by the command line, and kubectl works on it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from command_line import PATIENCE, ROOT, CommandLine

from harness.clusters.base import Entry
from harness.kit.processes import run
from harness.kit.waiting import wait_until
from harness.runner.entry import answer_of

pytestmark = [pytest.mark.e2e, pytest.mark.kubectl, pytest.mark.timeout(1200)]

NAME = "e2e"


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH")
def test_kubectl_works_on_a_persistent_cluster(harness: CommandLine, tmp_path: Path) -> None:
    """apply, rollout, set, scale, patch, describe, logs and delete work. ``down`` leaves nothing."""
    env = {"XDG_STATE_HOME": str(tmp_path / "state")}
    up = harness.run("cluster", "up", "--name", NAME, "--profile", "instant", env=env)
    assert up.code == 0, up.result
    try:
        config = harness.run("cluster", "kubeconfig", "--name", NAME, env=env).out.strip()

        def kubectl(*args: str) -> str:
            return run(["kubectl", "--kubeconfig", config, *args], timeout=PATIENCE).stdout

        kubectl("apply", "-f", str(ROOT / "experiments" / "apps" / "apple-banana"))
        kubectl("rollout", "status", "deployment/apple", "--timeout=200s")
        kubectl("rollout", "status", "deployment/banana", "--timeout=200s")
        assert "1/1" in kubectl("get", "deployment", "apple")
        kubectl("set", "env", "deployment/apple", "COLOUR=green")
        kubectl("rollout", "status", "deployment/apple", "--timeout=200s")
        kubectl("scale", "deployment/apple", "--replicas=2")
        kubectl("rollout", "status", "deployment/apple", "--timeout=200s")
        kubectl("patch", "service", "apple-service", "-p", '{"spec":{"selector":{"version":"banana-v1"}}}')
        assert "banana-v1" in kubectl("get", "service", "apple-service", "-o", "yaml")
        assert "Started" in kubectl("describe", "pods")
        assert "listening" in kubectl("logs", "deployment/banana")
        kubectl("delete", "pod", "-l", "app=apple", "--wait=true")
        kubectl("rollout", "status", "deployment/apple", "--timeout=200s")
        assert NAME in harness.run("cluster", "status", env=env).out
    finally:
        down = harness.run("cluster", "down", "--name", NAME, env=env)
    assert down.code == 0, down.result
    harness.wait_for_none()
    assert "no cluster" in harness.run("cluster", "status", env=env).out


def test_a_persistent_cluster_answers_at_its_ingress(harness: CommandLine, tmp_path: Path) -> None:
    """``cluster up`` prints the address of its nginx, which answers 404 without an Ingress."""
    env = {"XDG_STATE_HOME": str(tmp_path / "state")}
    up = harness.run("cluster", "up", "--name", NAME, "--profile", "instant", env=env)
    url = next(word for word in up.out.split() if word.startswith("http://"))
    address, _, port = url.removeprefix("http://").rstrip("/").partition(":")
    status = wait_until(lambda: answer_of(Entry(address, int(port)), "/", "")[0], timeout=PATIENCE, what="an answer")
    down = harness.run("cluster", "down", "--name", NAME, env=env)

    assert (up.code, status, down.code) == (0, 404, 0), up.result


def test_removing_a_missing_cluster_is_an_error(harness: CommandLine, tmp_path: Path) -> None:
    """The exit code is 2, and the cluster is named."""
    finished = harness.run("cluster", "down", "--name", "nobody", env={"XDG_STATE_HOME": str(tmp_path)})

    assert (finished.code, "nobody" in finished.err) == (2, True), finished.result
