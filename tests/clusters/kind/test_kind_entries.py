"""Traffic reaches a Service on kind through a mapped NodePort, or an error says why not."""

from __future__ import annotations

from typing import Any

import pytest

from harness.clusters.base import Entry
from harness.clusters.kind.entries import open_service
from harness.clusters.kind.records import ClusterRecord
from harness.errors import HarnessError
from harness.testing.fake_api import FakeKube

MINE = ClusterRecord("mine", 1, 1, True, "none", "nftables", "c0ffee", 8080, 8090)


def with_service(**spec: Any) -> FakeKube:
    """Return an API server with a Service of two ports."""
    kube = FakeKube()
    ports = [{"name": "web", "port": 80, "targetPort": 5678}, {"name": "admin", "port": 81}]
    kube.put({"kind": "Service", "metadata": {"name": "apple"}, "spec": {"ports": ports, **spec}}, "demo")
    return kube


def test_first_port_is_reached_by_the_mapped_one() -> None:
    """The Service gets the type NodePort. Its other ports are unchanged."""
    kube = with_service()
    entry = open_service(kube, MINE, "demo", "apple")
    spec = kube.get("Service", "apple", "demo")["spec"]

    assert entry == Entry("127.0.0.1", 8090)
    assert spec["type"] == "NodePort"
    assert [(port["port"], port.get("nodePort")) for port in spec["ports"]] == [(80, 30900), (81, None)]


def test_headless_service_is_refused() -> None:
    """kube-proxy does not serve it, so nothing is changed."""
    kube = with_service(clusterIP="None")
    with pytest.raises(HarnessError, match="headless"):
        open_service(kube, MINE, "demo", "apple")

    assert "type" not in kube.get("Service", "apple", "demo")["spec"]


def test_cluster_that_was_made_without_the_port() -> None:
    """An older cluster has no such port. The error has the command to remove it."""
    with pytest.raises(HarnessError) as caught:
        open_service(
            with_service(), ClusterRecord("old", 1, 1, True, "none", "iptables", "c0ffee", 8080), "demo", "apple"
        )

    assert "cluster down" in caught.value.hint
