"""Kind clusters fulfil the contract of clusters."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from typing import cast

import pytest
from cluster_contract import ClusterContract, Subject

from harness.clusters.base import Cluster
from harness.clusters.kind.provider import KindCluster, KindProvider

pytestmark = [pytest.mark.kind, pytest.mark.timeout(1500)]


def options(kube_proxy: str) -> Mapping[str, str]:
    """Return the options for another node image, if the environment names one."""
    image = os.environ.get("HARNESS_KIND_NODE_IMAGE", "")
    return {"kube-proxy": kube_proxy, **({"image:node": image} if image else {})}


def kill(cluster: Cluster) -> None:
    """Kill all processes of its node."""
    node = cast(KindCluster, cluster).record.container
    subprocess.run(["docker", "kill", node], check=True, capture_output=True)


class TestKindNginx(ClusterContract):
    """A kind cluster with ingress-nginx."""

    subject = Subject(KindProvider, kill, options=lambda: options("iptables"))


class TestKindService(ClusterContract):
    """A kind cluster with traffic directly to a Service, and kube-proxy in nftables mode."""

    subject = Subject(KindProvider, kill, ingress="none", options=lambda: options("nftables"), has_controller=False)
