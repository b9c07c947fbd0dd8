"""A workload written for one controller runs behind another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from harness.errors import InvalidInputError
from harness.experiment.cluster_rules import ANYTHING
from harness.experiment.ingress_class import check_kinds, for_controller
from harness.experiment.load import load_experiment
from harness.experiment.problems import Problems
from harness.kit.located_yaml import YamlDocument
from harness.model.experiment import Configuration
from harness.problem_codes import ProblemCode

if TYPE_CHECKING:
    from tests.experiment.experiment_bench import Bench

pytest_plugins = ("experiment_bench",)

OLD = "kubernetes.io/ingress.class"


def ingress(class_name: str | None = None, **annotations: str) -> dict[str, Any]:
    """Return an Ingress, without a class for None."""
    spec: dict[str, Any] = {"rules": []} | ({"ingressClassName": class_name} if class_name else {})
    return {"kind": "Ingress", "metadata": {"name": "fruit", "annotations": annotations}, "spec": spec}


def classes(manifest: dict[str, Any], controller: str) -> tuple[str | None, dict[str, str]]:
    """Return class and annotations of an Ingress behind a controller."""
    [served] = for_controller(Configuration((), (manifest,)), controller).manifests
    return served["spec"].get("ingressClassName"), served["metadata"]["annotations"]


@pytest.mark.parametrize("manifest", [ingress(), ingress("nginx"), ingress(**{OLD: "nginx"})])
def test_traefik_serves_the_usual_class_and_none(manifest: dict[str, Any]) -> None:
    """The class becomes Traefik's, and an old annotation, which would win over it, is removed from the copy."""
    before = repr(manifest)

    assert classes(manifest, "traefik") == ("traefik", {})
    assert repr(manifest) == before


@pytest.mark.parametrize(
    ("manifest", "controller"),
    [
        (ingress("own"), "traefik"),
        (ingress("nginx", **{OLD: "own"}), "traefik"),
        (ingress("nginx"), "ingress-nginx"),
        (ingress("nginx"), "traefik-nginx"),
        (ingress(), "traefik-nginx"),
    ],
)
def test_any_other_class_stays(manifest: dict[str, Any], controller: str) -> None:
    """With its provider for ingress-nginx, Traefik serves the class of ingress-nginx."""
    assert classes(manifest, controller) == (
        manifest["spec"].get("ingressClassName"), manifest["metadata"]["annotations"],
    )  # fmt: skip


def test_other_objects_and_annotations_stay() -> None:
    """A Service has no class, and further annotations stay."""
    service = {"kind": "Service", "metadata": {"name": "apple"}, "spec": {}}
    row = for_controller(Configuration((), (service, ingress("nginx", more="x"))), "traefik")

    assert row.manifests == (service, ingress("traefik", more="x"))


@pytest.mark.parametrize(
    ("controller", "problems"), [("ingress-nginx", 1), ("none", 1), ("traefik", 0), ("traefik-nginx", 0)]
)
def test_traefiks_own_kinds_need_traefik(controller: str, problems: int) -> None:
    """Another controller would ignore their routes; one problem for all configurations."""
    route = {"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute", "metadata": {"name": "apple"}, "spec": {}}
    found = Problems(YamlDocument({"ingress": controller}, "x.yaml", 1, {("ingress",): 3}))
    for manifests in ((ingress(), route), (route,)):
        check_kinds(Configuration((), manifests), controller, found)

    assert len(found.found) == problems
    assert all("IngressRoute apple" in problem.message and problem.line == 3 for problem in found.found)


@pytest.mark.parametrize(
    ("metadata", "spec", "is_refused"),
    [
        ("{name: fruit}", "ingressClassName: alb", True),
        ("{name: fruit, annotations: {kubernetes.io/ingress.class: alb}}", "ingressClassName: nginx", True),
        ("{name: fruit}", "ingressClassName: nginx", False),
    ],
)
@pytest.mark.parametrize("controller", ["ingress-nginx", "traefik"])
def test_traffic_needs_a_class_that_is_served(
    bench: Bench, metadata: str, spec: str, is_refused: bool, controller: str
) -> None:
    """Otherwise every request would get a 404 until the wait for the first answer ends."""
    bench.edit("apps.yaml", "metadata: {name: fruit}\nspec:\n", f"metadata: {metadata}\nspec:\n  {spec}\n")
    known = replace(ANYTHING, runs_controller=True)
    if not is_refused:
        assert load_experiment(bench.path, rules=known, ingress=controller)
        return
    with pytest.raises(InvalidInputError) as caught:
        load_experiment(bench.path, rules=known, ingress=controller)
    assert [each.code for each in caught.value.problems] == [ProblemCode.NO_ROUTE]
    assert "serves class alb" in str(caught.value)
    assert load_experiment(bench.path, ingress=controller), "the classes of a user's cluster are asked there"
