"""An Experiment whose traffic goes straight to a Service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.experiment.experiment_bench import Bench

pytest_plugins = ("experiment_bench",)


def straight(bench: Bench, entry: str = "entry: {service: apple-service}") -> None:
    """Have the small Experiment's traffic go to a Service, on a path that no Ingress has."""
    bench.edit("small.yaml", "workload:", f"ingress: none\n{entry}\nworkload:")
    bench.edit("small.yaml", "/apple", "/any")


def test_the_service_is_the_entry_whatever_the_path(bench: Bench) -> None:
    """No Ingress rule is asked for, and a change of what is behind the Service still says what may be answered."""
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
def test_an_entry_that_is_not_there_is_refused(bench: Bench, entry: str, word: str) -> None:
    """With what is wrong in words."""
    straight(bench, entry)

    assert any(word in problem.message for problem in bench.problems())


def test_an_ingress_and_a_service_are_not_both_entered(bench: Bench) -> None:
    """Nobody could say which of the two was judged."""
    bench.edit("small.yaml", "workload:", "entry: {service: apple-service}\nworkload:")

    assert any("not by both" in problem.message for problem in bench.problems())


def test_a_change_of_the_ingress_is_refused_where_traffic_goes_past_it(bench: Bench) -> None:
    """It would be made, and never be seen."""
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
    """One problem says that there is no ingress controller; nothing says it in other words."""
    straight(bench)
    bench.edit("small.yaml", "changes:\n", f"changes:\n  - {change}\n")
    kind = change.partition(":")[0]

    assert [problem.message for problem in bench.problems() if kind in problem.message] == [
        f"{kind} changes what an ingress controller does, and traffic goes past it"
    ]
