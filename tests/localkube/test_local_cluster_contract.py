"""Local clusters fulfil the contract of all clusters."""

from __future__ import annotations

from typing import cast

import psutil
import pytest
from cluster_contract import ClusterContract, Subject

from harness.clusters.base import Cluster
from harness.clusters.local.provider import LocalCluster, LocalProvider

pytestmark = [pytest.mark.nginx, pytest.mark.timeout(400)]


def kill(cluster: Cluster) -> None:
    """Send SIGKILL to the cluster's process."""
    psutil.Process(cast(LocalCluster, cluster).node.pid).kill()


class TestLocalNginx(ClusterContract):
    """The contract with ingress-nginx."""

    subject = Subject(LocalProvider, kill)


class TestLocalTraefik(ClusterContract):
    """The contract with the real Traefik."""

    subject = Subject(LocalProvider, kill, ingress="traefik")


class TestLocalService(ClusterContract):
    """The contract without an ingress controller."""

    subject = Subject(LocalProvider, kill, ingress="none", has_controller=False)
