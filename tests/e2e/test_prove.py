"""Remedies on a real cluster: a lossy cell, its remedy applied, and the comparison of both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import ROOT, CommandLine

pytestmark = [pytest.mark.e2e, pytest.mark.sabotage, pytest.mark.timeout(3000)]

#: Cells of the sabotage tables whose remedies are proved, each of another kind: hook, strategy, probe, replicas.
ROWS = {
    "sabotage-rollout": "pod=no-prestop,pod=exec-prestop,pod=recreate,pod=slow-start",
    "sabotage-slow-answers": "grace=short",
    "sabotage-deletion": "pod=no-prestop,change=delete-pod",
}


@pytest.mark.parametrize("table", ROWS)
def test_every_remedy_is_lossless_in_three_trials_of_three(harness: CommandLine, tmp_path: Path, table: str) -> None:
    """No remedy loses a request; a machine without processor time may leave one unproved."""
    run, proof = tmp_path / "run", tmp_path / "proof"
    experiment = ROOT / "experiments" / f"{table}.yaml"
    harness.run("run", experiment, "--only", ROWS[table], "--out", run, timeout=900)
    finished = harness.run("prove", run, "--out", proof, "--trials", "3", timeout=1800)
    written = json.loads((proof / "proof.json").read_text(encoding="utf-8"))
    found = written["comparisons"]

    assert written["version"] == 1
    assert found != []
    assert [each["cell"] for each in found if each["works"] is False] == []
    assert [each["lost_after"] for each in found] == [0] * len(found)
    assert finished.code == (0 if all(each["works"] for each in found) else 3), finished.result
