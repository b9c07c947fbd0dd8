"""Objects that an API server refuses, and images that the cluster lacks, are refused before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.clusters.local.images import check_image
from harness.errors import InvalidInputError
from harness.experiment.cluster_rules import ClusterRules
from harness.experiment.load import load_experiment

if TYPE_CHECKING:
    from tests.experiment.experiment_bench import Bench

pytest_plugins = ("experiment_bench",)

HOOK = "lifecycle: {preStop: {sleep: {seconds: 6}}}"
RESTART = "restart: {deployment: apple}"

#: (file, what is replaced, by what, file and line of the problem, what the problem must say)
TABLE = [
    (
        "patch.yaml",
        "- name: web",
        "- name: wep",
        "patch.yaml:7",
        "the patch adds a container 'wep' without an image; Deployment apple has: web (did you mean 'web'?)",
    ),
    (
        "apps.yaml",
        "          image: hashicorp/http-echo:1.0\n",
        "",
        "apps.yaml:12",
        "the container 'web' of Deployment",
    ),
    ("apps.yaml", "replicas: 1", "replicas: -1", "apps.yaml:5", "Deployment apple: spec.replicas: Invalid value: -1"),
    (
        "patch.yaml",
        "spec:\n  t",
        "spec:\n  strategy:\n    rollingUpdate:\n      maxUnavailable: 0\n      maxSurge: 0\n  t",
        "patch.yaml:6",
        "rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
    ),
    (
        "patch.yaml",
        HOOK,
        "readinessProbe: {}",
        "patch.yaml:8",
        "readinessProbe: Required value: must specify a handler",
    ),
    ("patch.yaml", "seconds: 6", "seconds: -1", "patch.yaml:8", "must be non-negative"),
    ("apps.yaml", "metadata: {name: fruit}", "metadata: {name: Fruit}", "apps.yaml:25", "Ingress Fruit: metadata.name"),
    ("apps.yaml", "[{port: 5678}]", "[{port: 567800, targetPort: 80}]", "apps.yaml:21", "between 1 and 65535"),
    ("apps.yaml", "pathType: Prefix", "pathType: Regex", "apps.yaml:31", 'Unsupported value: "Regex"'),
    (
        "apps.yaml",
        "{matchLabels: {app: apple}}",
        "{matchLabels: {}}",
        "apps.yaml:6",
        "empty selector is invalid for deployment",
    ),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[4]}")
def test_an_object_that_a_server_refuses_is_refused(bench: Bench, row: tuple[str, str, str, str, str]) -> None:
    """Each gives one problem, at its place in the file, also if several configurations have it."""
    file, old, new, place, words = row
    bench.edit(file, old, new)

    (problem,) = bench.problems()

    assert f"{problem.file}:{problem.line}" == place
    assert words in str(problem)


def test_a_wrong_value_and_an_unknown_field_give_two_problems(bench: Bench) -> None:
    """Two mistakes of different kinds in one patch give two problems."""
    strategy = "spec:\n  strategy: {rollingUpdate: {maxUnavailable: two}}\n  paused_: true\n  t"
    bench.edit("patch.yaml", "spec:\n  t", strategy)

    problems = [f"{p.line}: {p.message}" for p in bench.problems()]

    assert [p.partition(":")[0] for p in problems] == ["4", "5"]
    assert "a valid percent string" in problems[0]
    assert "paused_" in problems[1]


def test_a_problem_of_an_item_is_at_its_line_in_the_source(bench: Bench) -> None:
    """A container that a patch changes can have another index in the finished list than in the patch."""
    sidecar = "- name: side\n          image: hashicorp/http-echo:1.0\n        - name: web"
    bench.edit("apps.yaml", "- name: web", sidecar)
    bench.edit("patch.yaml", HOOK, "ports: [{containerPort: 70000}]")

    (problem,) = bench.problems()

    assert (problem.file, problem.line) == ("patch.yaml", 8)
    assert "containers[1].ports[0].containerPort" in problem.message


def test_images_that_the_cluster_lacks_are_refused(bench: Bench) -> None:
    """Images of the workload and of an update are refused; that of an update that is meant to get stuck is not."""
    update = "rolling-update: {deployment: apple, set: {image: 'hashicorp/http-echo:2'}, answer: b}"
    to_stuck = "deployment: apple, set: {image: 'hashicorp/http-echo:3'}, until: progress-deadline"
    stuck = f"rolling-update: {{name: stuck, {to_stuck}}}"
    bench.edit("apps.yaml", "http-echo:1.0", "http-eco:1.0")
    bench.edit("small.yaml", RESTART, f"{RESTART}\n  - {update}\n  - {stuck}")

    with pytest.raises(InvalidInputError) as error:
        load_experiment(bench.path, rules=ClusterRules(image=check_image))

    assert [(p.file.rpartition("/")[2], p.line) for p in error.value.problems] == [
        ("small.yaml", 14),
        ("apps.yaml", 13),
    ]
    assert ["http-echo:2" in str(error.value), "hashicorp/http-echo:1.0" in str(error.value)] == [True, True]
    assert bench.problems() == []
