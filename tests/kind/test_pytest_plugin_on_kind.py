"""``--harness-cluster kind``: each cell of an Experiment is a test, on real Kubernetes in Docker."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import ROOT

pytestmark = [pytest.mark.kind, pytest.mark.timeout(900)]

#: The plugin as its entry point loads it, whether or not the harness is installed.
PLUGIN = ("-p", "harness.pytest_plugin")


def test_cells_are_tests_on_kind(cluster: str, state: Path, tmp_path: Path) -> None:
    """A rolling update loses requests as expected, and nothing is lost without a change; the cluster stays up."""
    shutil.copytree(ROOT / "experiments", tmp_path / "experiments")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    argv = [
        sys.executable, "-m", "pytest", "-v", *PLUGIN,
        "--harness-experiment", "experiments/demo.yaml", "-k", "bare and (none or rolling)",
        "--harness-cluster", "kind", "--harness-cluster-name", cluster, "--harness-reports", "kept",
    ]  # fmt: skip
    environment = os.environ | {
        "XDG_STATE_HOME": str(state), "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }  # fmt: skip
    done = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=600, check=False)
    results = dict(re.findall(r"bare--([a-z-]+) (PASSED|FAILED|INCONCLUSIVE)", done.stdout))
    clusters = subprocess.run(["kind", "get", "clusters"], capture_output=True, text=True, check=True).stdout.split()

    # A busy machine may make a cell inconclusive; then the whole run must say so.
    assert results.keys() == {"none", "rolling-update"}, done.stdout + done.stderr
    assert "FAILED" not in results.values(), done.stdout
    assert done.returncode == (1 if "INCONCLUSIVE" in results.values() else 0)
    (run,) = (tmp_path / "kept").iterdir()
    assert (run / "index.html").is_file()
    assert cluster in clusters
