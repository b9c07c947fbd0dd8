"""A change in the progress of another one, on the embedded cluster."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import ROOT, CommandLine
from starved import is_starved

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]


def test_a_deployment_is_scaled_while_another_one_is_restarted(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path
) -> None:
    """The old pod of the restart serves for 6 s more, and in that time the other Deployment is scaled."""
    patches = [str(ROOT / "experiments" / "patches" / f"{name}.yaml") for name in ("readiness", "prestop-sleep-6")]
    fields = {
        "matrix": {"lifecycle": {"graceful": {"patch": patches}}},
        "changes": [
            {"restart": {"deployment": "apple"}},
            {"scale": {"deployment": "banana", "replicas": 2, "while": "restart"}},
        ],
        "exclude": [{"change": "restart"}],
    }
    finished = harness.run("run", experiment(**fields), "--out", tmp_path / "run", "--json")
    cells = finished.json["cells"]
    cell = next(cell for cell in cells if cell["change"] == "scale-while-restart")

    assert cell["verdict"] == "lossless" or is_starved(cell, cells), (cell, finished.err)
    assert made(tmp_path / "run") == ["restart applied", "restart in-progress", "scale-while-restart applied"]


def made(directory: Path) -> list[str]:
    """Return the events of both changes that say when they were made, in the order of their times."""
    (path,) = directory.glob("trials/*scale-while-restart/1/timeline.jsonl")
    events: list[Any] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    kept = [e for e in events if e["kind"] == "change" and e["what"] in {"applied", "in-progress"}]
    return [f"{e['subject']} {e['what']}" for e in sorted(kept, key=lambda e: e["at"])]
