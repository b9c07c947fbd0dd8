"""The same Experiments run behind Traefik on real Kubernetes, and its events are observed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.kind, pytest.mark.timeout(1500)]

Cells = Any
#: Of exercise 3, a row of each change that is not shown below; one must lose.
ROWS = {
    "canary": ("exercise-3-canary.yaml", "change=canary"),
    "a-b-test-by-header-with-a-wide-selector": ("exercise-3-ab.yaml", "configuration=wide,change=by-header"),
    "switch": ("exercise-3-switch.yaml", "configuration=ready,change=switch"),
}


def test_switch_behind_traefik(cells: Cells, traefik_cluster: str, tmp_path: Path) -> None:
    """Exercise 3's blue-green behind another controller loses nothing there either, and Traefik tells what it does.

    Its configurations are on the timeline, its access log has every answered request and the server that was chosen.
    """
    found = cells.run(
        traefik_cluster, "exercise-3-blue-green.yaml", "change=blue-green", tmp_path / "run", "--ingress", "traefik"
    )
    trial = tmp_path / "run" / "trials" / "default--blue-green" / "1"
    events = [json.loads(line) for line in (trial / "timeline.jsonl").read_text().splitlines()]
    access = [json.loads(line) for line in (trial / "access.jsonl").read_text().splitlines()]
    logged = [line["attempt"] for line in access if line["attempt"]]

    assert ("ingress", "configured") in {(event["kind"], event["what"]) for event in events}
    assert len(logged) == len(set(logged)) >= found["default", "blue-green"]["sent"]
    assert all(line["upstream_addr"] for line in access if line["status"] == 200)
    cells.conclude()


@pytest.mark.parametrize(("experiment", "only"), ROWS.values(), ids=ROWS)
def test_released_behind_traefik(
    cells: Cells, traefik_cluster: str, tmp_path: Path, experiment: str, only: str
) -> None:
    """The Experiments and their expectations are those of ingress-nginx."""
    cells.run(traefik_cluster, experiment, only, tmp_path / "run", "--ingress", "traefik")
    cells.conclude()


def test_what_must_lose_loses_behind_traefik(cells: Cells, traefik_cluster: str, tmp_path: Path) -> None:
    """A stop without preStop, a single pod and an empty selector lose requests, and each loss has its row's cause."""
    only = "change=rolling-update,change=only-pod-deleted,change=selector-of-nobody"

    cells.run(traefik_cluster, "sabotage-traefik.yaml", only, tmp_path / "run", "--ingress", "traefik")
    cells.conclude()
