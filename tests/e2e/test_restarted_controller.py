"""The ingress controller is replaced under traffic, with two of them at once, and the losses are observed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import ROOT, CommandLine

pytestmark = [pytest.mark.e2e, pytest.mark.sabotage, pytest.mark.timeout(4800)]


def backends(trial: Path) -> list[str]:
    """Return the controller pods that got connections, in the order of their first connection."""
    lines = (trial / "traffic" / "backends-0.jsonl").read_text().splitlines()
    return list(dict.fromkeys(json.loads(line)["backend"] for line in lines))


@pytest.mark.parametrize("ingress", ["ingress-nginx", "traefik"])
def test_a_restart_of_the_controller_is_real(harness: CommandLine, tmp_path: Path, ingress: str) -> None:
    """Losses occur only while the pods are replaced, none in the control, and traffic reaches three pods in all."""
    table = ROOT / "experiments" / "controller-restart.yaml"
    finished = harness.run("run", table, "--ingress", ingress, "--out", tmp_path / "run", "--json")
    control, restart = finished.json["cells"]
    met = backends(tmp_path / "run" / "trials" / "default--controller-restart" / "1")

    assert control["lost"] == 0
    assert restart["verdict"] == "lossy", restart["findings"]
    assert restart["as_expected"]
    assert len([pod for pod in met if ".0.3:" not in pod]) == 3
