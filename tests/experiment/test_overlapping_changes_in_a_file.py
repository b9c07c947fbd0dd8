"""``while`` in a file: the records that it makes, and the combinations that are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import InvalidInputError
from harness.experiment.load import load_experiment
from harness.model.changes import ChangeSpec, Restart, SelectorPatch
from harness.model.experiment import Experiment
from harness.runner.images import with_images
from harness.runner.in_place.targets import parse_change, parse_object
from harness.store.records import from_json, to_json

APPS = Path(__file__).parents[2] / "experiments" / "apps" / "apple-two-versions"
PATCH = {
    "service": "apple-service",
    "selector": {"version": "apple-v2"},
    "answer": "apple-v2",
    "while": "roll",
}
GREEN = {
    "service": "apple-service",
    "selector": {"version": "apple-v2"},
    "public": "/apple",
    "answer": "apple-v2",
}
CANARY = {
    "ingress": "apple",
    "path": "/apple",
    "service": "apple-service",
    "canary": "apple-v2-service",
    "route": "/apple",
    "answer": "apple-v2",
    "steps": ["10%"],
}


def load(folder: Path, *changes: Any, **fields: Any) -> Experiment:
    """Return the Experiment with some changes."""
    content = {
        "name": "overlap",
        "workload": str(APPS),
        "traffic": {
            "rate": "100/s",
            "paths": [{"path": "/apple", "answers": "apple-v1"}, {"path": "/preview/apple", "answers": "apple-v2"}],
            "pool": {"size": 8},
        },
        "changes": [*changes],
        **fields,
    }
    path = folder / "experiment.yaml"
    path.write_text(json.dumps(content), encoding="utf-8")
    return load_experiment(path)


def change(experiment: Experiment, name: str) -> ChangeSpec:
    """Return a change by its name."""
    return next(cell.change for cell in experiment.cells if cell.change.name == name)


def problems(folder: Path, *changes: Any) -> str:
    """Return the problems of an Experiment."""
    with pytest.raises(InvalidInputError) as raised:
        load(folder, *changes)
    return "\n".join(f"{problem.message} ({problem.hint})" for problem in raised.value.problems)


def test_a_change_has_the_one_in_whose_progress_it_is_made(tmp_path: Path) -> None:
    """Both are cells by name: the first alone, and both together."""
    roll = {
        "rolling-update": {
            "deployment": "apple-v2", "name": "roll", "set": {"args": ["-text=v3-{time}"]}, "answer": "v3-{time}",
        }
    }  # fmt: skip
    experiment = load(tmp_path, roll, {"selector-patch": {**PATCH, "times": 2, "pause": "1s"}})
    found = change(experiment, "selector-patch-while-roll")

    assert [cell.change.name for cell in experiment.cells] == ["none", "roll", "selector-patch-while-roll"]
    assert isinstance(found, SelectorPatch)
    assert [part.name for part in found.parts] == ["roll", "selector-patch-while-roll"]
    assert [part.times for part in found.parts] == [2, 2]
    assert found.accepted == {"/apple": ("apple-v2",), "/preview/apple": ("v3-1", "v3-2")}
    assert change(experiment, "roll").during is None


def test_both_changes_are_in_the_evidence(tmp_path: Path) -> None:
    """The record comes back from JSON as it was."""
    found = change(load(tmp_path, {"restart": {"deployment": "apple-v2"}}, patch_while("restart")), NAME)

    assert from_json(ChangeSpec, to_json(found)) == found
    assert isinstance(found.during, Restart)


NAME = "selector-patch-while-restart"


def patch_while(name: str) -> dict[str, Any]:
    """Return the patch that is made while another change is in progress."""
    return {"selector-patch": {**PATCH, "while": name}}


def test_images_are_replaced_in_both_changes(tmp_path: Path) -> None:
    """A mirror of images serves the first change, too."""
    roll = {"rolling-update": {"deployment": "apple-v2", "set": {"image": "shop:2"}, "answer": "shop-2"}}
    experiment = with_images(load(tmp_path, roll, patch_while("rolling-update")), {"shop:2": "mirror/shop:2"}, "")
    found = change(experiment, "selector-patch-while-rolling-update")

    assert found.during is not None
    assert found.during.container_fields["image"] == "mirror/shop:2"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([patch_while("rol")], "no other change 'rol' in the list"),
        ([{"selector-patch": {**PATCH, "name": "me", "while": "me"}}], "no other change 'me'"),
        (["none", patch_while("none")], "none can't overlap another change: nothing is in progress"),
        (
            [{"kubectl": ["get", "pods"]}, patch_while("kubectl")],
            "kubectl can't overlap another change: which objects it changes is unknown",
        ),
        (
            [
                {"restart": {"deployment": "apple-v2"}},
                {"selector-patch": {**PATCH, "name": "second", "while": "restart"}},
                {"scale": {"deployment": "apple-v1", "replicas": 3, "while": "second"}},
            ],
            "only two changes can overlap",
        ),
        (
            [
                {"scale": {"deployment": "apple-v1", "replicas": 3}},
                {"scale": {"deployment": "apple-v1", "replicas": 4, "name": "more", "while": "scale"}},
            ],
            "scale and more both change spec.replicas of Deployment apple-v1",
        ),
        (
            [
                {"restart": {"deployment": "apple-v1"}},
                {"restart": {"deployment": "apple-v1", "name": "again", "while": "restart"}},
            ],
            "both change spec.template.metadata.annotations of Deployment apple-v1",
        ),
        (
            [
                {"evict": {"deployment": "apple-v1"}},
                {"delete-pod": {"deployment": "apple-v1", "while": "evict"}},
            ],
            "both change pods of Deployment apple-v1",
        ),
        (
            [
                {"ingress-edit": {"ingress": "apple", "annotations": {"a": "b"}}},
                {"canary": {**CANARY, "while": "ingress-edit"}},
            ],
            "both change the object of Ingress apple",
        ),
        (
            [{"blue-green": GREEN}, {"canary": {**CANARY, "while": "blue-green"}}],
            "both decide which version answers",
        ),
        (
            [
                {"rolling-update": {"deployment": "apple-v1", "set": {"args": ["-text=x"]}, "answer": "x"}},
                {"canary": {**CANARY, "while": "rolling-update"}},
            ],
            "rolling-update brings new answers on /apple",
        ),
        (
            [
                {"blue-green": {**GREEN, "retire": "apple-v1"}},
                {"scale": {"deployment": "apple-v1", "replicas": 3, "while": "blue-green"}},
            ],
            "both change spec.replicas of Deployment apple-v1",
        ),
        (
            ["controller-restart", patch_while("controller-restart")],
            "controller-restart replaces the pods whose log shows",
        ),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_combination_that_makes_no_sense_is_refused(tmp_path: Path, changes: list[Any], expected: str) -> None:
    """The problem names both changes and the reason."""
    assert expected in problems(tmp_path, *changes)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"restart": {"deployment": "apple-v1"}}, {"scale": {"deployment": "apple-v1", "replicas": 4}}),
        ({"restart": {"deployment": "apple-v2"}}, {"selector-patch": PATCH}),
        ({"controller-restart": {}}, {"restart": {"deployment": "apple-v1"}}),
        ({"restart": {"deployment": "apple-v1"}}, {"ingress-edit": {"ingress": "apple", "annotations": {"a": "b"}}}),
    ],
    ids=["scale-during-rollout", "selector-during-rollout", "rollout-during-controller", "edit-during-rollout"],
)
def test_a_combination_that_makes_sense_is_accepted(
    tmp_path: Path, first: dict[str, Any], second: dict[str, Any]
) -> None:
    """Other fields of one object, or another object."""
    (kind,), (other,) = second, first
    experiment = load(tmp_path, first, {kind: {**second[kind], "while": other}})

    assert change(experiment, f"{kind}-while-{other}").during is not None


def test_the_first_change_is_checked_where_only_the_overlap_runs(tmp_path: Path) -> None:
    """Its own cell may be excluded, and a wrong name must be found all the same."""
    wrong = {"restart": {"deployment": "pear"}}
    with pytest.raises(InvalidInputError, match="no Deployment 'pear'"):
        load(tmp_path, wrong, patch_while("restart"), exclude=[{"change": "restart"}])


def test_a_change_in_place_overlaps_no_other() -> None:
    """It is undone after its hold, and the effects of another one could not be distinguished from its own."""
    with pytest.raises(InvalidInputError, match="in place, one change is made"):
        parse_change("{restart: {while: scale}}", parse_object("deployment/apple"))
