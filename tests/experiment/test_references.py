"""A pod that names a ConfigMap, a Secret or a claim is refused without it: its containers would never start."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from harness.errors import InvalidInputError, Problem
from harness.experiment.cluster_rules import ANYTHING, ClusterRules
from harness.experiment.load import load_experiment
from harness.problem_codes import ProblemCode
from harness.runner.rules import rules_of

if TYPE_CHECKING:
    from tests.experiment.experiment_bench import Bench

pytest_plugins = ("experiment_bench",)

CONTAINER = "          args: [-text=apple]\n"
POD = "      terminationGracePeriodSeconds: 20\n"
CONFIG = "---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: b}}\n"
SECRET = "---\n{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {k: v}}\n"
CLAIM = "---\n{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: p}, spec: {storageClassName: fast}}\n"
MONITOR = "---\n{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: s}}\n"

#: (after which line, the reference, the kind that it needs, the objects that satisfy it)
REFERENCES = [
    (CONTAINER, "          envFrom: [{configMapRef: {name: c}}]\n", "ConfigMap c", CONFIG),
    (CONTAINER, "          envFrom: [{secretRef: {name: s}}]\n", "Secret s", SECRET),
    (CONTAINER, "          env: [{name: A, valueFrom: {configMapKeyRef: {name: c, key: a}}}]\n", "ConfigMap c", CONFIG),
    (CONTAINER, "          env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]\n", "Secret s", SECRET),
    (POD, "      volumes: [{name: v, configMap: {name: c}}]\n", "ConfigMap c", CONFIG),
    (POD, "      volumes: [{name: v, secret: {secretName: s}}]\n", "Secret s", SECRET),
    (POD, "      volumes: [{name: v, projected: {sources: [{secret: {name: s}}]}}]\n", "Secret s", SECRET),
    (POD, "      volumes: [{name: v, persistentVolumeClaim: {claimName: p}}]\n", "PersistentVolumeClaim p", CLAIM),
]


def problems(bench: Bench, rules: ClusterRules = ANYTHING) -> tuple[Problem, ...]:
    """Return the problems for a kind of cluster."""
    try:
        load_experiment(bench.path, rules=rules)
    except InvalidInputError as error:
        return error.problems
    return ()


def add(bench: Bench, text: str) -> None:
    """Add objects to the workload."""
    with (bench.folder / "apps.yaml").open("a") as file:
        file.write(text)


@pytest.mark.parametrize(("after", "text", "named", "objects"), REFERENCES)
def test_a_missing_object_is_named_with_its_line(bench: Bench, after: str, text: str, named: str, objects: str) -> None:
    """With the object, there is no problem."""
    bench.edit("apps.yaml", after, after + text)

    (problem,) = problems(bench)

    assert problem.code is ProblemCode.MISSING_REFERENCE
    assert f"the {named} is not part of the workload" in problem.message
    lines = (bench.folder / "apps.yaml").read_text().splitlines()
    assert lines[problem.line - 1] == text.rstrip()
    add(bench, objects)
    assert problems(bench) == ()


@pytest.mark.parametrize(
    "text",
    [
        "          env: [{name: A, valueFrom: {configMapKeyRef: {name: c, key: x}}}]\n",
        "          env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: x}}}]\n",
    ],
)
def test_a_missing_key_is_named(bench: Bench, text: str) -> None:
    """The object is there, and its key is not."""
    add(bench, CONFIG + SECRET)
    bench.edit("apps.yaml", CONTAINER, CONTAINER + text)

    (problem,) = problems(bench)

    assert problem.code is ProblemCode.MISSING_REFERENCE
    assert "has no key x" in problem.message


@pytest.mark.parametrize(
    ("after", "text"),
    [
        (CONTAINER, "          envFrom: [{configMapRef: {name: c, optional: true}}]\n"),
        (CONTAINER, "          env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k, optional: true}}}]\n"),
        (POD, "      volumes: [{name: v, secret: {secretName: s, optional: true}}]\n"),
        (POD, "      volumes: [{name: v, configMap: {name: kube-root-ca.crt}}]\n"),
        (POD, "      volumes: [{name: v, emptyDir: {}}]\n"),
    ],
)
def test_what_a_pod_can_do_without_may_be_missing(bench: Bench, after: str, text: str) -> None:
    """An optional reference, and what every namespace has."""
    bench.edit("apps.yaml", after, after + text)

    assert problems(bench) == ()


def test_another_cluster_may_create_what_is_missing(bench: Bench) -> None:
    """The controller of a custom kind may do so, and a user's cluster may copy Secrets to new namespaces."""
    bench.edit("apps.yaml", CONTAINER, CONTAINER + "          envFrom: [{secretRef: {name: s}}]\n")
    assert problems(bench) != ()
    assert problems(bench, replace(ANYTHING, bare_namespaces=False)) == ()

    add(bench, MONITOR)

    assert problems(bench) == ()
    assert [each.code for each in problems(bench, rules_of("local", {}))] == [ProblemCode.MISSING_REFERENCE]


@pytest.mark.parametrize(
    ("text", "kind", "named"),
    [
        ("      priorityClassName: important\n", "scheduling.k8s.io/v1, kind: PriorityClass, value: 5", "important"),
        ("      runtimeClassName: sandbox\n", "node.k8s.io/v1, kind: RuntimeClass, handler: runsc", "sandbox"),
    ],
)
def test_a_missing_class_is_named_with_its_line(bench: Bench, text: str, kind: str, named: str) -> None:
    """An API server rejects each pod of a class that it does not have; a cluster that exists may have it."""
    bench.edit("apps.yaml", POD, POD + text)
    line = (bench.folder / "apps.yaml").read_text().splitlines().index(text.rstrip()) + 1

    (problem,) = problems(bench, rules_of("local", {}))
    assert (problem.code, problem.line) == (ProblemCode.MISSING_REFERENCE, line)
    assert f"Class {named} is not part of the workload, so that no pod can be created" in problem.message
    assert problems(bench, rules_of("context", {})) == ()

    add(bench, f"---\n{{apiVersion: {kind}, metadata: {{name: {named}}}}}\n")
    assert problems(bench, rules_of("local", {})) == ()


def test_every_cluster_has_two_priority_classes(bench: Bench) -> None:
    """They need no object in the workload."""
    bench.edit("apps.yaml", POD, POD + "      priorityClassName: system-cluster-critical\n")

    assert problems(bench, rules_of("local", {})) == ()
