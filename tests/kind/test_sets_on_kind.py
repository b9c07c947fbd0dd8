"""A StatefulSet and a DaemonSet are restarted and updated on a real cluster, and that is observed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import CommandLine

pytestmark = pytest.mark.kind
WORKLOAD = Path(__file__).with_name("sets.yaml")
CHANGES = {
    "restart-db": {"restart": {"name": "restart-db", "statefulset": "db"}},
    "update-agent": {
        "rolling-update": {
            "name": "update-agent",
            "daemonset": "agent",
            "set": {"args": ["-text=agent-v2"]},
            "answer": "agent-v2",
        }
    },
}


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    """Return an Experiment that changes both, one after the other."""
    paths = [{"path": "/db", "answers": "db-v1"}, {"path": "/agent", "answers": "agent-v1"}]
    traffic = {"rate": "40/s", "paths": paths, "connections": ["new"]}
    content = {
        "version": 1,
        "name": "sets",
        "workload": str(WORKLOAD),
        "traffic": traffic,
        "changes": ["none", *CHANGES.values()],
    }
    path = tmp_path / "sets.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture
def run_of(harness: CommandLine, cluster: str, experiment: Path, tmp_path: Path) -> Path:
    """Return the directory of a run of the Experiment, whatever its verdict."""
    out = tmp_path / "run"
    finished = harness.run(
        "run", experiment, "--cluster", "kind", "--reuse", "--cluster-name", cluster, "--out", out, timeout=1200
    )
    assert finished.code in {0, 1, 3}, finished.err
    return out


def timeline(run: Path, change: str) -> list[dict[str, Any]]:
    """Return the events of the only trial of a change."""
    (found,) = run.glob(f"trials/*--{change}/*/timeline.jsonl")
    return [json.loads(line) for line in found.read_text(encoding="utf-8").splitlines()]


def test_both_are_observed_with_other_pods(run_of: Path) -> None:
    """Each change is observed once, and every pod of its object was deleted; the verdict depends on the machine."""
    for change, name in (("restart-db", "db"), ("update-agent", "agent")):
        events = timeline(run_of, change)
        said = [event["what"] for event in events if event.get("subject") == change]
        gone = {event["subject"] for event in events if event["what"] == "gone"}

        assert said == ["begin", "applied", "observed", "end"], events
        assert len({pod for pod in gone if pod.startswith(f"{name}-")}) == {"db": 2, "agent": 1}[name]
