"""Each kind of cluster has its rules, and notices name what is left out of a workload."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.cli.validate import validate
from harness.errors import InvalidInputError
from harness.model.changes import ControllerRestart, Drain, Kubectl, NoChange
from harness.runner.rules import rules_of

if TYPE_CHECKING:
    from tests.experiment.experiment_bench import Bench

pytest_plugins = ("tests.experiment.experiment_bench",)

INGRESS_CLASS = {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "mine"}}
RESTART, NONE, DRAIN = ControllerRestart(name="controller-restart"), NoChange(name="none"), Drain(name="drain")
COMMAND = Kubectl(name="command", command=("get", "pods"))


@pytest.mark.parametrize(
    ("cluster", "image", "obj", "change"),
    [("local", False, True, True), ("kind", True, False, True), ("context", True, False, False)],
)
def test_each_kind_of_cluster_has_its_rules(cluster: str, image: bool, obj: bool, change: bool) -> None:
    """The rules concern an unknown image, a cluster-scoped object, the controller, the nodes, and any command."""
    rules = rules_of(cluster, {})

    assert (rules.image("hashicorp/http-echo:0.9") is None) is image
    assert (rules.object(INGRESS_CLASS) is None) is obj
    assert (rules.change(RESTART) is None) is change
    assert (rules.change(DRAIN) is None) is change
    assert (rules.change(COMMAND) is None) is change
    assert rules.change(NONE) is None


def test_a_replaced_image_is_checked() -> None:
    """The embedded cluster must have the image that replaces another one."""
    assert rules_of("local", {"mine:1": "hashicorp/http-echo:1.0"}).image("mine:1") is None


def test_an_unknown_kind_of_cluster_is_refused() -> None:
    """No rules are guessed."""
    with pytest.raises(InvalidInputError, match="no kind of cluster 'kindd'"):
        rules_of("kindd", {})


@pytest.mark.parametrize("cluster", ["kind", "context"])
def test_validate_refuses_what_a_shared_cluster_refuses(bench: Bench, cluster: str) -> None:
    """``--cluster`` alone decides, and the object's line is named."""
    path = bench.folder / "apps.yaml"
    path.write_text(f"{path.read_text()}---\napiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: disk}}\n")

    with pytest.raises(InvalidInputError, match=r"apps\.yaml:35: PersistentVolume disk is cluster-scoped"):
        validate(bench.path, cluster=cluster)


def test_validate_prints_notices(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """There is a line for each notice, after the cells."""
    path = bench.folder / "apps.yaml"
    path.write_text(f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: shop}}\n---\n{path.read_text()}")

    assert validate(bench.path) == 0
    out = capsys.readouterr().out
    assert "valid. 4 cells" in out
    assert f"notice: {path}:1: Namespace shop is left out: each trial has a namespace of its own" in out
