"""An Experiment whose traffic goes straight to a Service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.experiment.experiment_bench import Bench

pytest_plugins = ("experiment_bench",)


def straight(bench: Bench, entry: str = "entry: {service: apple-service}") -> None:
    """Send the small Experiment's traffic to a Service, on a path that no Ingress has."""
    bench.edit("small.yaml", "workload:", f"ingress: none\n{entry}\nworkload:")
    bench.edit("small.yaml", "/apple", "/any")


def test_the_service_is_the_entry_whatever_the_path(bench: Bench) -> None:
    """No Ingress rule is required, and a change of the pods behind the Service brings its answers."""
    straight(bench)
    update = 'rolling-update: {deployment: apple, set: {args: ["-text=two"]}, answer: two}'
    bench.edit("small.yaml", "changes:\n", f"changes:\n  - {update}\n")
    experiment = bench.load()
    change = next(cell.change for cell in experiment.cells if cell.change.kind == "rolling-update")

    assert (experiment.ingress, experiment.entry) == ("none", "apple-service")
    assert list(change.answers) == ["/any"]


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        ("", "nothing says where traffic enters"),
        ("entry: {service: aple-service}", "no Service 'aple-service'"),
        ("entry: apple-service", "expected a map"),
        ("entry: {}", "entry.service is required"),
    ],
)
def test_an_entry_that_does_not_exist_is_refused(bench: Bench, entry: str, word: str) -> None:
    """The problem says why."""
    straight(bench, entry)

    assert any(word in problem.message for problem in bench.problems())


def test_an_ingress_and_a_service_are_not_both_the_entry(bench: Bench) -> None:
    """The verdict would not say which of the two it is about."""
    bench.edit("small.yaml", "workload:", "entry: {service: apple-service}\nworkload:")

    assert any("not by both" in problem.message for problem in bench.problems())


def test_a_change_of_the_ingress_is_refused_if_traffic_does_not_pass_it(bench: Bench) -> None:
    """Its effect could not be seen."""
    straight(bench)
    bench.edit("small.yaml", "changes:\n", "changes:\n  - controller-restart: {}\n")

    assert any("traffic goes past it" in problem.message for problem in bench.problems())


SPLIT = "ingress: fruit, path: /apple, service: apple-service, answer: two"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("ingress-edit: {ingress: fruit, annotations: {a/b: c}}", id="ingress-edit"),
        pytest.param(f"canary: {{{SPLIT}, canary: two, route: /any, steps: [10%]}}", id="canary"),
        pytest.param(f"ab-test: {{{SPLIT}, candidate: two, header: {{X: b}}, a: /any}}", id="ab-test"),
        pytest.param("controller-restart: {}", id="controller-restart"),
    ],
)
def test_a_change_that_needs_an_ingress_is_refused_once(bench: Bench, change: str) -> None:
    """One problem says that there is no ingress controller, and no other repeats it."""
    straight(bench)
    bench.edit("small.yaml", "changes:\n", f"changes:\n  - {change}\n")
    kind = change.partition(":")[0]

    assert [problem.message for problem in bench.problems() if kind in problem.message] == [
        f"{kind} changes what an ingress controller does, and traffic goes past it"
    ]
