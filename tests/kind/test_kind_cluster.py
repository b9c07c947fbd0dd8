"""The real command line on real Kubernetes in Docker: the same Experiments, the same verdicts, the same evidence."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import ROOT, CommandLine

from harness.kit.waiting import wait_until

pytestmark = [pytest.mark.kind, pytest.mark.timeout(1500)]

EXPERIMENTS = ROOT / "experiments"


def run(harness: CommandLine, cluster: str, experiment: str, only: str, out: Path) -> dict[tuple[str, str], Any]:
    """Run some cells on the shared cluster; every one must be as expected. Returns them by configuration and change."""
    finished = harness.run(
        "run", EXPERIMENTS / experiment, "--cluster", "kind", "--reuse", "--cluster-name", cluster,
        "--only", only, "--out", out, "--json", timeout=1200,
    )  # fmt: skip
    wrong = [cell for cell in finished.json["cells"] if not cell["as_expected"]]
    assert wrong == [], finished.out
    assert finished.code == 0, finished.err
    return {(cell["configuration"], cell["change"]): cell for cell in finished.json["cells"]}


def lines(path: Path) -> list[dict[str, Any]]:
    """A file of JSON lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_evidence_is_that_of_the_local_cluster(harness: CommandLine, cluster: str, tmp_path: Path) -> None:
    """Pods, endpoints, kubelet and ingress are on the timeline; every answered request is in the access log, once."""
    run(harness, cluster, "demo.yaml", "configuration=graceful,change=rolling-update", tmp_path / "run")
    trial = tmp_path / "run" / "trials" / "graceful--rolling-update" / "1"
    seen = {(event["kind"], event["what"]) for event in lines(trial / "timeline.jsonl")}
    token = next(e["token"] for e in lines(trial / "traffic" / "traffic.jsonl") if e["event"] == "ready")
    rows = np.load(trial / "traffic" / "ledger-0.npy")
    sent = {f"{token}-{row['worker']}-{row['number']}" for row in rows[rows["outcome"] == 1]}
    logged = [line["attempt"] for line in lines(trial / "access.jsonl") if line["attempt"]]

    assert {
        ("pod", "ready"), ("pod", "terminating"), ("pod", "gone"), ("endpoints", "changed"), ("kubelet", "Killing"),
        ("ingress", "reload"), ("ingress", "endpoints"),
    } <= seen  # fmt: skip
    assert sent <= set(logged)
    assert len(logged) == len(set(logged))
    assert list((trial / "logs" / "pods").glob("apple-*.log"))
    assert json.loads((tmp_path / "run" / "end.json").read_text())["facts"]["cluster up in"]


def test_what_loses_and_what_does_not(harness: CommandLine, cluster: str, tmp_path: Path) -> None:
    """Rows of the sabotage table that need no luck."""
    cells = run(
        harness, cluster, "sabotage-rollout.yaml",
        "configuration=no-prestop,configuration=prestop-6,change=rolling-update", tmp_path / "run",
    )  # fmt: skip

    assert cells["no-prestop", "rolling-update"]["verdict"] == "lossy"
    assert cells["prestop-6", "rolling-update"]["verdict"] == "lossless"


def test_edit_or_patch(harness: CommandLine, cluster: str, tmp_path: Path) -> None:
    """Exercise 2: an Ingress edit cuts every idle connection, a selector patch cuts none."""
    cells = run(
        harness, cluster, "demo.yaml", "configuration=bare,change=ingress-edit,change=selector-patch", tmp_path / "r"
    )

    assert cells["bare", "ingress-edit"]["connections_cut"] == 64
    assert cells["bare", "selector-patch"]["connections_cut"] == 0


def test_namespaces_are_gone(harness: CommandLine, cluster: str) -> None:
    """Nothing of a trial is left on a cluster that stays."""
    config = harness.run("cluster", "kubeconfig", "--cluster", "kind", "--name", cluster).out.strip()
    argv = ["kubectl", "--kubeconfig", config, "get", "namespaces", "-o", "name"]
    names = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()

    assert [name for name in names if "harness-" in name] == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_stopped_run_leaves_no_cluster(
    harness: CommandLine, tmp_path: Path, state: Path, node_image: tuple[str, ...], number: signal.Signals
) -> None:
    """SIGTERM: the run takes its cluster down itself. SIGKILL: it can't, so `cluster down` finds what it left."""
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
