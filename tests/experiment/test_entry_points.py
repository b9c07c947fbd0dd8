"""A route for an entry point that Traefik does not have gets no request, and is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from harness.errors import InvalidInputError, Problem
from harness.experiment.cluster_rules import ANYTHING
from harness.experiment.load import load_experiment
from harness.problem_codes import ProblemCode
from harness.runner.rules import rules_of

if TYPE_CHECKING:
    from tests.experiment.experiment_bench import Bench

pytest_plugins = ("experiment_bench",)

ROUTE = """\
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: r}
spec:
  entryPoints: POINTS
  routes: [{kind: Rule, match: "PathPrefix(`/x`)", services: [{name: apple-service, port: 5678}]}]
"""
REFUSED = [ProblemCode.NO_ROUTE]
ANNOTATION = "metadata: {name: fruit, annotations: {traefik.ingress.kubernetes.io/router.entrypoints: POINTS}}"


def problems(bench: Bench, *, known: bool = True) -> list[Problem]:
    """Return the problems on a cluster whose Traefik the harness runs, or of which nothing is known."""
    try:
        load_experiment(bench.path, rules=replace(ANYTHING, runs_controller=known), ingress="traefik")
    except InvalidInputError as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize(("points", "expected"), [("[websecure]", REFUSED), ("[web, websecure]", []), ("[]", [])])
def test_an_ingress_route_elsewhere_is_refused(bench: Bench, points: str, expected: list[ProblemCode]) -> None:
    """At the line that names the entry points. A route that names none is for all."""
    with (bench.folder / "apps.yaml").open("a") as file:
        file.write(ROUTE.replace("POINTS", points))

    found = problems(bench)

    assert [each.code for each in found] == expected
    assert all("IngressRoute r: its routes are for the entry point websecure" in each.message for each in found)
    assert problems(bench, known=False) == [], "the entry points of a user's Traefik are unknown"


@pytest.mark.parametrize(("points", "expected"), [("websecure", REFUSED), ('"web, websecure"', [])])
def test_an_ingress_for_another_entry_point_is_refused(bench: Bench, points: str, expected: list[ProblemCode]) -> None:
    """By its annotation."""
    bench.edit("apps.yaml", "metadata: {name: fruit}", ANNOTATION.replace("POINTS", points))

    assert [each.code for each in problems(bench)] == expected


def test_https_needs_an_entry_point(bench: Bench) -> None:
    """Traefik here serves HTTP only, and every request would be lost."""
    bench.edit("small.yaml", "  pool: {size: 10}", "  pool: {size: 10}\n  tls: {verify: false}")

    assert [each.code for each in problems(bench)] == [ProblemCode.CONFLICT]


def test_https_needs_a_port_of_the_cluster(bench: Bench) -> None:
    """The harness's kind clusters map the port for HTTP only. Any controller would get no request."""
    bench.edit("small.yaml", "  pool: {size: 10}", "  pool: {size: 10}\n  tls: {verify: false}")

    with pytest.raises(InvalidInputError) as caught:
        load_experiment(bench.path, rules=rules_of("kind", {}), ingress="ingress-nginx")
    assert [each.code for each in caught.value.problems] == [ProblemCode.CONFLICT]
    assert "no port for HTTPS" in str(caught.value)
    assert load_experiment(bench.path, rules=rules_of("local", {}), ingress="ingress-nginx").traffic.tls is not None
