"""The real command line on real Kubernetes in Docker: the same Experiments, the same verdicts, the same evidence.

A cell takes about a minute, so these are chosen: of exercise 1 the complete configuration, of exercise 2 both ways, a
row of the sabotage table, and the way straight to a Service.
"""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import ROOT, CommandLine
from receipt_files import wrong_accounts

from harness.kit.waiting import wait_until

pytestmark = [pytest.mark.kind, pytest.mark.timeout(1500)]

EXPERIMENTS = ROOT / "experiments"
Cells = Any


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the objects in a file of JSON lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_rolling_update(cells: Cells, cluster: str, tmp_path: Path) -> None:
    """Exercise 1, complete: five times nothing is lost, and the evidence is that of the local cluster.

    Pods, endpoints, kubelet and ingress are on the timeline; every answered request is in the access log, once.
    """
    only = "configuration=complete,change=rolling-update"
    cells.run(cluster, "exercise-1.yaml", only, tmp_path / "run")
    trial = tmp_path / "run" / "trials" / "complete--rolling-update" / "1"
    timeline = lines(trial / "timeline.jsonl")
    token = next(e["token"] for e in lines(trial / "traffic" / "traffic.jsonl") if e["event"] == "ready")
    rows = np.load(trial / "traffic" / "ledger-0.npy")
    sent = {f"{token}-{row['worker']}-{row['number']}" for row in rows[rows["outcome"] == 1]}
    logged = [line["attempt"] for line in lines(trial / "access.jsonl") if line["attempt"]]

    assert {
        ("pod", "ready"), ("pod", "terminating"), ("pod", "gone"), ("endpoints", "changed"), ("kubelet", "Killing"),
        ("ingress", "reload"), ("ingress", "endpoints"),
    } <= {(event["kind"], event["what"]) for event in timeline}  # fmt: skip
    assert sent <= set(logged)
    assert len(logged) == len(set(logged))
    assert list((trial / "logs" / "pods").glob("apple-*.log"))
    assert json.loads((tmp_path / "run" / "end.json").read_text())["facts"]["cluster up in"]
    # The first look reaches back to when the objects were made, not to when the machine was switched on.
    assert next(event for event in timeline if event["kind"] == "endpoints")["exact_ns"] < 300 * 10**9
    cells.conclude()


def test_edit_or_patch(cells: Cells, cluster: str, tmp_path: Path) -> None:
    """In exercise 2, an Ingress edit cuts connections each time, and a selector patch cuts none."""
    found = cells.run(cluster, "exercise-2.yaml", "change=selector-patch,change=ingress-edit", tmp_path / "run")

    assert found["default", "ingress-edit"]["connections_cut"] >= 64
    assert found["default", "selector-patch"]["connections_cut"] == 0
    cells.conclude()


def test_what_must_lose_loses(cells: Cells, cluster: str, tmp_path: Path) -> None:
    """A rolling update without a preStop, from the sabotage table, loses requests, and receipts say which.

    The image that writes them is built and loaded for it. Nothing is lost in the control, and every fate is known.
    """
    only = "configuration=no-prestop,change=rolling-update"
    image = "hashicorp/http-echo:1.0=harness/echo:1"

    cells.run(cluster, "sabotage-rollout.yaml", only, tmp_path / "run", "--image", image)
    verdict = json.loads((tmp_path / "run" / "verdict.json").read_text())

    assert [line for cell in verdict["cells"] for line in wrong_accounts(cell, tmp_path / "run")] == []
    cells.conclude()


def test_straight_to_a_service(cells: Cells, cluster: str, tmp_path: Path) -> None:
    """Traffic uses a NodePort, without the ingress controller. Without its only pod nothing answers."""
    only = "configuration=bare,change=delete-pod"

    cells.run(cluster, "service-entry.yaml", only, tmp_path / "run")
    cells.conclude()


def test_namespaces_are_gone(harness: CommandLine, cluster: str) -> None:
    """No namespace of a trial is left on a persistent cluster."""
    config = harness.run("cluster", "kubeconfig", "--cluster", "kind", "--name", cluster).out.strip()
    argv = ["kubectl", "--kubeconfig", config, "get", "namespaces", "-o", "name"]
    names = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()

    assert [name for name in names if "harness-" in name] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_stopped_run_leaves_no_cluster(
    harness: CommandLine, tmp_path: Path, state: Path, node_image: tuple[str, ...], number: signal.Signals
) -> None:
    """After SIGTERM, the run removes its cluster itself. After SIGKILL, ``cluster down`` does."""
    process = harness.start(
        "run", EXPERIMENTS / "demo.yaml", "--cluster", "kind", *node_image, "--out", tmp_path / "run"
    )
    notes = state / "harness" / "kind"

    def mine() -> list[str]:
        return [path.parent.name for path in notes.glob("*/cluster.json") if "-test-" not in path.parent.name]

    wait_until((tmp_path / "run" / "cluster" / "load.log").exists, timeout=900, what="a cluster", interval=0.2)
    (name,) = mine()
    process.send_signal(number)
    harness.finish(process, timeout=300)
    if number is signal.SIGKILL:
        assert mine() == [name]
        assert harness.run("cluster", "down", "--cluster", "kind", "--name", name, timeout=300).code == 0

    assert mine() == []
    clusters = subprocess.run(["kind", "get", "clusters"], capture_output=True, text=True, check=True).stdout.split()
    assert name not in clusters
