"""Each kind of cluster has its rules, and a notice says what is left out of a workload."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.cli.cluster_rules import rules_of
from harness.cli.validate import validate
from harness.errors import InvalidInputError
from harness.model.changes import ControllerRestart, NoChange

if TYPE_CHECKING:
    from tests.experiment.experiment_bench import Bench

pytest_plugins = ("tests.experiment.experiment_bench",)

INGRESS_CLASS = {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "mine"}}
RESTART, NONE = ControllerRestart(name="controller-restart"), NoChange(name="none")


@pytest.mark.parametrize(
    ("cluster", "image", "obj", "change"),
    [("local", False, True, True), ("kind", True, False, True), ("context", True, False, False)],
)
def test_what_a_cluster_takes(cluster: str, image: bool, obj: bool, change: bool) -> None:
    """An unknown image, an object outside of namespaces, a restart of the ingress controller."""
    rules = rules_of(cluster, {})

    assert (rules.image("example/unheard-of:3") is None) is image
    assert (rules.object(INGRESS_CLASS) is None) is obj
    assert (rules.change(RESTART) is None) is change
    assert rules.change(NONE) is None


def test_an_image_may_stand_for_another() -> None:
    """It is the image that is run which the embedded cluster must have."""
    assert rules_of("local", {"mine:1": "hashicorp/http-echo:1.0"}).image("mine:1") is None


def test_an_unknown_kind_of_cluster_has_no_rules() -> None:
    """Nothing is checked by guessing."""
    with pytest.raises(InvalidInputError, match="no kind of cluster 'kindd'"):
        rules_of("kindd", {})


@pytest.mark.parametrize("cluster", ["kind", "context"])
def test_validate_refuses_what_a_shared_cluster_does(bench: Bench, cluster: str) -> None:
    """By the word of the cluster alone, with the object's line."""
    path = bench.folder / "apps.yaml"
    path.write_text(f"{path.read_text()}---\napiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: disk}}\n")

    with pytest.raises(InvalidInputError, match=r"apps\.yaml:35: PersistentVolume disk is cluster-scoped"):
        validate(bench.path, cluster=cluster)


def test_validate_tells_what_is_left_out(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each notice, after the cells."""
    path = bench.folder / "apps.yaml"
    path.write_text(f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop}}\n---\n{path.read_text()}")

    assert validate(bench.path) == 0
    out = capsys.readouterr().out
    assert "valid. 4 cells" in out
    assert f"notice: {path}:1: Namespace shop is left out: each trial has a namespace of its own" in out
