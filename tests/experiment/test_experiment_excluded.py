"""Problems of a cell are problems only if the cell runs: ``exclude`` removes them together with the cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.errors import InvalidInputError, Problem
from harness.experiment.cluster_rules import ClusterRules
from harness.experiment.load import load_experiment
from harness.localkube.fields import CLASSIFIER
from harness.problem_codes import ProblemCode

if TYPE_CHECKING:
    from tests.experiment.experiment_bench import Bench

pytest_plugins = ("experiment_bench",)

RESTART = "restart: {deployment: apple}"
EXPECT = "expect:\n  - {pod: bare, change: restart, verdict: lossy}\n"
REDIRECT = "annotations: {nginx.ingress.kubernetes.io/auth-url: http://a.example}"

#: (patch of the configuration ``graceful``, a change that has a problem there and nowhere else, the problem)
CHANGES = [
    ("{kind: Deployment, spec: {replicas: 2}}", "scale: {deployment: apple, replicas: 2}", ProblemCode.NO_EFFECT),
    ("{kind: Deployment, spec: {replicas: 0}}", "delete-pod: {deployment: apple}", ProblemCode.NO_PODS),
    ("{kind: Deployment, spec: {replicas: 0}}", RESTART, ProblemCode.NO_PODS),
    (
        "{kind: Deployment, spec: {template: {spec: {containers: [{name: web, args: [-text=new]}]}}}}",
        "rolling-update: {deployment: apple, set: {args: [-text=new]}, answer: new}",
        ProblemCode.NO_EFFECT,
    ),
    (
        "{kind: Service, metadata: {name: apple-service}, spec: {selector: {version: v1}}}",
        "selector-patch: {service: apple-service, selector: {version: v1}, answer: apple}",
        ProblemCode.NO_EFFECT,
    ),
    (
        "{kind: Ingress, metadata: {name: fruit, annotations: {a/b: c}}}",
        "ingress-edit: {ingress: fruit, annotations: {a/b: c}}",
        ProblemCode.NO_EFFECT,
    ),
]


def arrange(bench: Bench, patch: str, change: str) -> None:
    """Write the small Experiment with another patch and another change, and without expectations."""
    bench.edit("small.yaml", "{patch: patch.yaml}", f"{{patch: {patch}}}")
    bench.edit("small.yaml", f"- {RESTART}", f"- {change}")
    bench.edit("small.yaml", EXPECT, "")


def exclude(bench: Bench, entry: str) -> None:
    """Add an entry of ``exclude``."""
    with bench.path.open("a") as file:
        file.write(f"exclude: [{entry}]\n")


@pytest.mark.parametrize(("patch", "change", "code"), CHANGES)
def test_a_change_with_a_problem_in_one_configuration_is_refused(
    bench: Bench, patch: str, change: str, code: ProblemCode
) -> None:
    """Its cell runs, and the change cannot be made or seen there."""
    arrange(bench, patch, change)

    assert [problem.code for problem in bench.problems()] == [code]


@pytest.mark.parametrize(("patch", "change", "code"), CHANGES)
def test_a_change_without_its_impossible_cell_is_accepted(
    bench: Bench, patch: str, change: str, code: ProblemCode
) -> None:
    """The cell with the problem is excluded; the others run."""
    del code
    arrange(bench, patch, change)
    kind = change.partition(":")[0]
    exclude(bench, f"{{pod: graceful, change: {kind}}}")

    assert bench.problems() == []
    assert [cell.id for cell in bench.load().cells] == ["bare--none", f"bare--{kind}", "graceful--none"]


@pytest.mark.parametrize(("patch", "change", "code"), CHANGES)
def test_the_exclusion_of_another_cell_hides_no_problem(
    bench: Bench, patch: str, change: str, code: ProblemCode
) -> None:
    """The cell with the problem still runs."""
    arrange(bench, patch, change)
    exclude(bench, f"{{pod: bare, change: {change.partition(':')[0]}}}")

    assert [problem.code for problem in bench.problems()] == [code]


#: (a patch after which the configuration cannot run, the problem)
CONFIGURATIONS = [
    (
        (
            "{kind: Deployment, spec: {template: {spec: {containers: [{name: web, lifecycle: {preStop: {sleep: "
            "{seconds: 60}}}}]}}}}"
        ),
        ProblemCode.HOOK_EXCEEDS_GRACE,
    ),
    ("{kind: Deployment, spec: {selector: {matchLabels: {app: pear}}}}", ProblemCode.SELECTOR_MISSES_PODS),
    ("{kind: Deployment, spec: {replicas: -1}}", ProblemCode.API_REFUSES),
    ("{kind: ConfigMap, data: {a: b}}", ProblemCode.UNKNOWN_NAME),
    (
        (
            "{kind: Ingress, metadata: {name: fruit}, spec: {rules: [{http: {paths: [{path: /other, pathType: Prefix, "
            "backend: {service: {name: apple-service, port: {number: 5678}}}}]}}]}}"
        ),
        ProblemCode.NO_ROUTE,
    ),
]


@pytest.mark.parametrize(("patch", "code"), CONFIGURATIONS)
def test_a_configuration_that_cannot_run_is_refused(bench: Bench, patch: str, code: ProblemCode) -> None:
    """Also if the changes are excluded and only its control runs."""
    arrange(bench, patch, RESTART)
    assert code in {problem.code for problem in bench.problems()}

    exclude(bench, "{pod: graceful, change: restart}")
    assert code in {problem.code for problem in bench.problems()}


@pytest.mark.parametrize(("patch", "code"), CONFIGURATIONS)
def test_a_configuration_without_cells_has_no_problems(bench: Bench, patch: str, code: ProblemCode) -> None:
    """An impossible combination of the matrix is excluded as a whole."""
    del code
    arrange(bench, patch, RESTART)
    exclude(bench, "{pod: graceful}")

    assert bench.problems() == []
    assert [cell.id for cell in bench.load().cells] == ["bare--none", "bare--restart"]


@pytest.mark.parametrize(("patch", "code"), CONFIGURATIONS)
def test_a_change_with_an_error_does_not_hide_an_exclusion(bench: Bench, patch: str, code: ProblemCode) -> None:
    """Entries without a change exclude the cells of changes that could not be parsed, too."""
    arrange(bench, patch, "restrat: {deployment: apple}")
    assert code in {problem.code for problem in bench.problems()}

    exclude(bench, "{pod: graceful}")
    assert [problem.code for problem in bench.problems()] == [ProblemCode.UNKNOWN_NAME]
    assert [problem.line for problem in bench.problems()] == [13]


def test_fields_that_a_change_sets_are_checked_only_in_cells_that_run(bench: Bench) -> None:
    """The embedded cluster does not implement the annotation; the edit is made in one configuration only."""
    arrange(bench, "patch.yaml", f"ingress-edit: {{ingress: fruit, {REDIRECT}}}")
    exclude(bench, "{pod: graceful, change: ingress-edit}")
    assert [problem.code for problem in refused(bench)] == [ProblemCode.FIELD_NOT_IMPLEMENTED]

    bench.edit("small.yaml", "exclude: [{pod: graceful, change: ingress-edit}]", "exclude: [{change: ingress-edit}]")
    assert refused(bench) == ()


def refused(bench: Bench) -> tuple[Problem, ...]:
    """Return the problems on the embedded cluster."""
    try:
        load_experiment(bench.path, rules=ClusterRules(fields=CLASSIFIER.classify))
    except InvalidInputError as error:
        return error.problems
    return ()


def test_each_cell_has_the_answers_of_its_own_configuration(bench: Bench) -> None:
    """A change makes new answers right only if the route leads to the changed object."""
    other = APPLE_2 + SERVICE_2
    with (bench.folder / "apps.yaml").open("a") as file:
        file.write(other)
    patch = (
        "{kind: Ingress, metadata: {name: fruit}, spec: {rules: [{http: {paths: [{path: /apple, pathType: Prefix, "
        "backend: {service: {name: pear-service, port: {number: 5678}}}}]}}]}}"
    )
    arrange(bench, patch, "rolling-update: {deployment: apple, set: {args: [-text=new]}, answer: new}")

    answers = {cell.id: dict(cell.change.answers) for cell in bench.load().cells if not cell.change.facts.is_control}

    assert answers == {"bare--rolling-update": {"/apple": ("new",)}, "graceful--rolling-update": {}}


APPLE_2 = """\
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: pear}
spec:
  selector: {matchLabels: {app: pear}}
  template:
    metadata: {labels: {app: pear}}
    spec: {containers: [{name: web, image: "hashicorp/http-echo:1.0", args: [-text=apple]}]}
"""
SERVICE_2 = """\
---
apiVersion: v1
kind: Service
metadata: {name: pear-service}
spec: {selector: {app: pear}, ports: [{port: 5678}]}
"""
