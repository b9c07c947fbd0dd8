"""``restart`` and ``rolling-update`` of a StatefulSet or a DaemonSet in a file: accepted, or refused with a reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import InvalidInputError, Problem
from harness.experiment.load import load_experiment
from harness.model.change_facts import TargetKind
from harness.model.experiment import Experiment
from harness.problem_codes import ProblemCode
from harness.runner.rules import rules_of
from harness.store.records import from_json, to_json

RESTART = {"restart": {"statefulset": "db"}}
UPDATE = {"rolling-update": {"daemonset": "agent", "set": {"args": ["-text=v2"]}, "answer": "v2"}}


def a_set(kind: str, name: str, **spec: Any) -> list[dict[str, Any]]:
    """Return a StatefulSet or DaemonSet with its Service and its Ingress."""
    container = {"name": "echo", "image": "hashicorp/http-echo:1.0", "args": ["-text=v1"]}
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    ports = [{"port": 80, "targetPort": 5678}]
    backend = {"service": {"name": name, "port": {"number": 80}}}
    rule = {"http": {"paths": [{"path": f"/{name}", "pathType": "Prefix", "backend": backend}]}}
    body = {"selector": {"matchLabels": labels}, "template": template, **spec}
    if kind == "StatefulSet":
        body["serviceName"] = name
    return [
        {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": body},
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"selector": labels, "ports": ports},
        },
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": name},
            "spec": {"ingressClassName": "nginx", "rules": [rule]},
        },
    ]


def load(
    folder: Path,
    *changes: Any,
    cluster: str = "kind",
    db: dict[str, Any] | None = None,
    agent: dict[str, Any] | None = None,
) -> Experiment:
    """Return the Experiment with some changes, for a kind of cluster."""
    objects = [*a_set("StatefulSet", "db", **(db or {"replicas": 2})), *a_set("DaemonSet", "agent", **(agent or {}))]
    (folder / "apps.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    content = {
        "version": 1,
        "name": "sets",
        "workload": "apps.json",
        "traffic": {
            "rate": "100/s",
            "paths": [{"path": "/db", "answers": "v1"}, {"path": "/agent", "answers": "v1"}],
            "connections": ["new"],
        },
        "changes": ["none", *changes],
    }
    path = folder / "experiment.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return load_experiment(path, rules=rules_of(cluster, {}))


def problems(folder: Path, *changes: Any, **options: Any) -> tuple[Problem, ...]:
    """Return the problems of such an Experiment."""
    with pytest.raises(InvalidInputError) as error:
        load(folder, *changes, **options)
    return error.value.problems


@pytest.mark.parametrize("cluster", ["kind", "context"])
def test_both_kinds_are_changed_on_real_clusters(tmp_path: Path, cluster: str) -> None:
    """The records name their objects, and the new answer is right on the route to the changed one alone."""
    experiment = load(tmp_path, RESTART, UPDATE, cluster=cluster)

    specs = [cell.change for cell in experiment.cells[1:]]
    assert [(spec.target, spec.target_name) for spec in specs] == [
        (TargetKind.STATEFUL_SET, "db"),
        (TargetKind.DAEMON_SET, "agent"),
    ]
    assert specs[1].accepted == {"/agent": ("v2",)}
    assert from_json(Experiment, to_json(experiment)) == experiment


@pytest.mark.parametrize("change", [RESTART, UPDATE])
def test_the_embedded_cluster_refuses_them_with_the_way_out(tmp_path: Path, change: dict[str, Any]) -> None:
    """It stores the objects and runs no pods for them."""
    found = [
        each for each in problems(tmp_path, change, cluster="local") if each.code is ProblemCode.CHANGE_NOT_ALLOWED
    ]

    assert [each.hint for each in found] == ["use --cluster kind, or --cluster context"]
    assert "runs no pods for it" in found[0].message


@pytest.mark.parametrize(
    ("change", "options", "code", "words"),
    [
        ({"restart": {"statefulset": "dbb"}}, {}, ProblemCode.UNKNOWN_NAME, "no StatefulSet 'dbb'"),
        ({"restart": None}, {}, ProblemCode.REQUIRED, "deployment is required"),
        (
            {"restart": {"statefulset": "db", "daemonset": "agent"}},
            {},
            ProblemCode.CONFLICT,
            "statefulset and daemonset both name an object",
        ),
        (RESTART, {"db": {"replicas": 0}}, ProblemCode.NO_PODS, "StatefulSet db has no replicas"),
        (RESTART, {"db": {"updateStrategy": {"type": "OnDelete"}}}, ProblemCode.NO_EFFECT, "update strategy OnDelete"),
        (
            UPDATE,
            {"agent": {"updateStrategy": {"type": "OnDelete"}}},
            ProblemCode.NO_EFFECT,
            "update strategy OnDelete",
        ),
        (
            RESTART,
            {"db": {"replicas": 2, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}},
            ProblemCode.NO_EFFECT,
            "keeps all pods below its partition 2",
        ),
        (
            {"rolling-update": {"statefulset": "db", "set": {"image": "no:1"}, "until": "progress-deadline"}},
            {},
            ProblemCode.CONFLICT,
            "a StatefulSet has no progress deadline",
        ),
        (
            {"rolling-update": {"statefulset": "db", "container": "other", "set": {"args": []}, "answer": "v2"}},
            {},
            ProblemCode.UNKNOWN_NAME,
            "no container 'other' in StatefulSet db",
        ),
        (
            {"rolling-update": {"statefulset": "db", "set": {"args": ["-text=v2"]}}},
            {},
            ProblemCode.ANSWER_REQUIRED,
            "answer is required",
        ),
    ],
)
def test_what_cannot_happen_is_refused(
    tmp_path: Path, change: dict[str, Any], options: dict[str, Any], code: ProblemCode, words: str
) -> None:
    """The problem says why."""
    found = problems(tmp_path, change, **options)

    assert (code, True) in [(each.code, words in each.message) for each in found], found


def test_a_partition_that_lets_a_pod_go_is_accepted(tmp_path: Path) -> None:
    """Only the pods from the partition on are replaced."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}

    assert len(load(tmp_path, RESTART, db={"replicas": 2, "updateStrategy": strategy}).cells) == 2
