"""The cells that kubectl prints for an object."""

from __future__ import annotations

from typing import Any

import pytest

from harness.localkube.api import columns
from harness.localkube.api.tables import table
from harness.localkube.machinery.resources import RESOURCES


@pytest.mark.parametrize(
    ("gates", "statuses", "cell"),
    [([], [], "<none>"), (["a"], [], "0/1"), (["a"], ["False"], "0/1"), (["a", "b"], ["True", "False"], "1/2")],
)
def test_a_pod_shows_its_readiness_gates(gates: list[str], statuses: list[str], cell: str) -> None:
    """``kubectl get pods -o wide`` prints the number of true gates in its last column."""
    conditions = [{"type": gate, "status": status} for gate, status in zip(gates, statuses, strict=False)]
    spec = {"containers": [{"name": "c"}], "readinessGates": [{"conditionType": gate} for gate in gates]}
    pod = {"metadata": {"name": "p"}, "spec": spec, "status": {"conditions": conditions}}

    assert columns.pod(pod)[-1] == cell


_TEMPLATE = {"spec": {"containers": [{"name": "c", "image": "i"}]}}
_TARGET = {"kind": "Deployment", "name": "apple"}
_CPU = {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 50}}}
_SPECS: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "CronJob": ({"schedule": "* * * * *"}, ["* * * * *", "<none>", "False", 0, "<none>"]),
    "DaemonSet": ({"template": _TEMPLATE}, [0, 0, 0, 0, 0, "<none>"]),
    "HorizontalPodAutoscaler": (
        {"scaleTargetRef": _TARGET, "metrics": [_CPU], "minReplicas": 1, "maxReplicas": 3},
        ["Deployment/apple", "cpu: <unknown>/50%", "1", 3, 0],
    ),
    "Job": ({"completions": 2}, ["Running", "0/2", ""]),
    "NetworkPolicy": ({"podSelector": {"matchLabels": {"app": "x"}}}, ["app=x"]),
    "PodDisruptionBudget": ({"minAvailable": 1}, ["1", "N/A", 0]),
    "ServiceAccount": ({}, [0]),
    "StatefulSet": ({"replicas": 2, "template": _TEMPLATE}, ["0/2"]),
}


@pytest.mark.parametrize("kind", _SPECS)
def test_stored_kinds_have_the_columns_of_a_real_server(kind: str) -> None:
    """Each row has a cell for each column; the cells between name and age say what is stored."""
    spec, cells = _SPECS[kind]
    resource = next(each for each in RESOURCES if each.kind == kind)
    obj = {"metadata": {"name": "n"}, "spec": spec}

    shown = table(resource, [obj], "1", "None", headed=True)

    (row,) = shown["rows"]
    assert len(row["cells"]) == len(shown["columnDefinitions"])
    assert row["cells"][1 : 1 + len(cells)] == cells
