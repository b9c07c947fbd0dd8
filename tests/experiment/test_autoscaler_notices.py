"""A file says which replicas an autoscaler changes: those of the workload, and those that a change asks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.experiment.load import load_experiment

APPS = Path(__file__).parents[2] / "experiments" / "apps" / "apple-two-versions"


def notices(folder: Path, bounds: tuple[int, int], *changes: Any, target: str = "apple-v1") -> tuple[str, ...]:
    """Return the notices of an Experiment whose Deployment ``apple-v1`` has 1 replica and an autoscaler."""
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}
    autoscaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "scaler"},
        "spec": {"minReplicas": bounds[0], "maxReplicas": bounds[1], "scaleTargetRef": scaled},
    }
    (folder / "autoscaler.yaml").write_text(json.dumps(autoscaler), encoding="utf-8")
    content = {
        "name": "scaled",
        "workload": [str(APPS), "autoscaler.yaml"],
        "traffic": {"rate": "100/s", "paths": [{"path": "/apple", "answers": "apple-v1"}], "pool": {"size": 8}},
        "changes": ["none", *changes],
    }
    path = folder / "experiment.yaml"
    path.write_text(json.dumps(content), encoding="utf-8")
    return load_experiment(path).notices


def test_the_replicas_of_the_workload_are_moved_before_the_requests(tmp_path: Path) -> None:
    """One sentence, however many configurations and changes there are."""
    assert notices(tmp_path, (2, 5), {"restart": {"deployment": "apple-v1"}}) == (
        "HorizontalPodAutoscaler scaler moves Deployment apple-v1 from 1 to 2 replicas; the requests begin after that",
    )


@pytest.mark.parametrize(
    ("asked", "moved"), [(2, ""), (4, ""), (0, ""), (5, "from 5 to 4 replicas"), (9, "from 9 to 4 replicas")]
)
def test_a_change_out_of_the_bounds_is_named(tmp_path: Path, asked: int, moved: str) -> None:
    """The autoscaler would move the number back during the trial; it leaves 0 alone."""
    found = notices(tmp_path, (1, 4), {"scale": {"deployment": "apple-v1", "replicas": asked}})

    assert len(found) == bool(moved)
    assert all(each.startswith("scale: ") and moved in each for each in found)


def test_an_autoscaler_of_another_deployment_has_no_notice(tmp_path: Path) -> None:
    """An autoscaler of another Deployment says nothing about this one."""
    change = {"scale": {"deployment": "apple-v1", "replicas": 9}}

    assert notices(tmp_path, (1, 4), change, target="elsewhere") == ()
    assert len(notices(tmp_path, (1, 4), change)) == 1
