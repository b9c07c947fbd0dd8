"""``harness check`` gives a verdict on a chart's output in one command."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import ROOT, CommandLine
from starved import is_starved

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]


@pytest.mark.parametrize(
    "name", ["chart-full.yaml", "real-shop.yaml", "real-blog.yaml", "real-pod-facts.yaml", "chart-native-sidecar.yaml"]
)
def test_a_chart_goes_from_its_output_to_a_verdict(harness: CommandLine, tmp_path: Path, name: str) -> None:
    """Stand-ins run for its images. The restart loses requests as it is, and none with a preStop sleep."""
    chart = ROOT / "tests" / "people" / "inputs" / name

    done = harness.run("check", chart, "--only", "change=restart", "--out", tmp_path / "run", "--json")

    cells = done.json["cells"]
    found = {(cell["configuration"], cell["change"]): cell for cell in cells}
    graceful = found["graceful", "restart"]
    assert found["as-is", "restart"]["verdict"] == "lossy", done.result
    assert graceful["verdict"] == "lossless" or is_starved(graceful, cells), done.result
    assert done.code == 1, done.result
    assert "To keep and edit this Experiment: harness init" in done.err
    assert (tmp_path / "run" / "index.html").is_file()
