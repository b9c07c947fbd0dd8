"""The same Experiments behind Traefik on real Kubernetes, and what it tells of itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.kind, pytest.mark.timeout(1500)]

Cells = Any


def test_rolling_update_behind_traefik(cells: Cells, traefik_cluster: str, tmp_path: Path) -> None:
    """A preStop of 3 s is enough here; its configurations are on the timeline, its access log has every request."""
    only = "configuration=prestop-3,change=rolling-update"
    found = cells.run(traefik_cluster, "sabotage-traefik.yaml", only, tmp_path / "run")
    trial = tmp_path / "run" / "trials" / "prestop-3--rolling-update" / "1"
    events = [json.loads(line) for line in (trial / "timeline.jsonl").read_text().splitlines()]
    access = [json.loads(line) for line in (trial / "access.jsonl").read_text().splitlines()]

    assert found["prestop-3", "rolling-update"]["verdict"] == "lossless"
    assert ("ingress", "configured") in {(event["kind"], event["what"]) for event in events}
    logged = [line["attempt"] for line in access if line["attempt"]]
    assert len(logged) == len(set(logged)) >= found["prestop-3", "rolling-update"]["sent"]
    assert all(line["upstream_addr"] for line in access if line["status"] == 200)


def test_switch_behind_traefik(cells: Cells, traefik_cluster: str, tmp_path: Path) -> None:
    """Exercise 3, the same file behind another controller: the same verdicts."""
    only = "configuration=bare,change=blue-green,change=old-removed-at-once"
    options = ("--ingress", "traefik")
    found = cells.run(traefik_cluster, "exercise-3-blue-green.yaml", only, tmp_path / "run", *options)

    assert found["bare", "blue-green"]["verdict"] == "lossless"
    assert found["bare", "old-removed-at-once"]["verdict"] == "lossy"
