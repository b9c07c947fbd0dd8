"""The cells that kubectl prints for an object."""

from __future__ import annotations

import pytest

from harness.localkube.api import columns


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
