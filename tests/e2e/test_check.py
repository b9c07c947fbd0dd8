"""``harness check`` gives a verdict on a chart's output in one command."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import ROOT, CommandLine, Finished
from starved import Cell, is_starved, measured

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]


@pytest.mark.parametrize(
    "name", ["chart-full.yaml", "real-shop.yaml", "real-blog.yaml", "real-pod-facts.yaml", "chart-native-sidecar.yaml"]
)
def test_a_chart_goes_from_its_output_to_a_verdict(harness: CommandLine, tmp_path: Path, name: str) -> None:
    """Stand-ins run for its images. The restart loses requests as it is, and none with a preStop sleep."""
    chart = ROOT / "tests" / "people" / "inputs" / name

    def check(number: int) -> Finished:
        return harness.run("check", chart, "--only", "change=restart", "--out", tmp_path / f"run-{number}", "--json")

    def is_right(cells: list[Cell]) -> bool:
        as_is, graceful = (one(cells, name) for name in ("as-is", "graceful"))
        return as_is["verdict"] == "lossy" and (graceful["verdict"] == "lossless" or is_starved(graceful, cells))

    done = measured(check, is_right)

    assert is_right(done.json["cells"]), done.result
    assert done.code == 1, done.result
    assert "To keep and edit this Experiment: harness init" in done.err
    assert Path(done.json["directory"], "index.html").is_file()


def one(cells: list[Cell], configuration: str) -> Cell:
    """Return the cell of a configuration's restart."""
    (found,) = (cell for cell in cells if (cell["configuration"], cell["change"]) == (configuration, "restart"))
    return found
