"""Exercise 3 on real Kubernetes behind ingress-nginx: each way to release a version, and a row that must lose.

A cell takes about a minute, so these are chosen; those behind Traefik are in a file of their own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.kind, pytest.mark.timeout(1500)]

Cells = Any

ROWS = {
    "canary": ("exercise-3-canary.yaml", "change=canary"),
    "a-b-test-by-weight-sticky": ("exercise-3-ab.yaml", "configuration=exact,change=by-weight-sticky"),
    "switch-to-one-that-is-not-ready": ("exercise-3-switch.yaml", "configuration=absent,change=hasty"),
}


@pytest.mark.parametrize(("experiment", "only"), ROWS.values(), ids=ROWS)
def test_released_behind_nginx(cells: Cells, cluster: str, tmp_path: Path, experiment: str, only: str) -> None:
    """Each cell has its expected verdict, and each step of a canary got its share."""
    cells.run(cluster, experiment, only, tmp_path / "run")
    cells.conclude()
