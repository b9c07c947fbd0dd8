"""The ingress controller is replaced under traffic, with two of them at once, and the losses are observed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import ROOT, CommandLine
from starved import trial_of, wrong_rows

pytestmark = [pytest.mark.e2e, pytest.mark.sabotage, pytest.mark.timeout(4800)]


def backends(trial: Path) -> list[str]:
    """Return the controller pods that got connections, in the order of their first connection."""
    lines = (trial / "traffic" / "backends-0.jsonl").read_text().splitlines()
    return list(dict.fromkeys(json.loads(line)["backend"] for line in lines))


@pytest.mark.parametrize("ingress", ["ingress-nginx", "traefik"])
def test_a_restart_of_the_controller_is_real(harness: CommandLine, tmp_path: Path, ingress: str) -> None:
    """Losses occur only while the pods are replaced, none in the control, and traffic reaches three pods in all."""
    table = ROOT / "experiments" / "controller-restart.yaml"
    wrong = wrong_rows(harness, table, tmp_path / "run", "--ingress", ingress)
    met = backends(trial_of(tmp_path / "run", "default--controller-restart"))

    assert wrong == []
    assert len([pod for pod in met if ".0.3:" not in pod]) == 3
