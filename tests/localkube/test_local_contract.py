"""Local clusters keep what every kind of cluster promises."""

from __future__ import annotations

from typing import cast

import psutil
import pytest
from cluster_contract import ClusterContract, Subject

from harness.clusters.base import Cluster
from harness.clusters.local.provider import LocalCluster, LocalProvider

pytestmark = [pytest.mark.nginx, pytest.mark.timeout(400)]


def kill(cluster: Cluster) -> None:
    """SIGKILL to the process that is the cluster."""
    psutil.Process(cast(LocalCluster, cluster).node.pid).kill()


class TestLocalNginx(ClusterContract):
    """Behind ingress-nginx's stand-in."""

    subject = Subject(LocalProvider, kill)


class TestLocalTraefik(ClusterContract):
    """Behind the real Traefik."""

    subject = Subject(LocalProvider, kill, ingress="traefik")


class TestLocalService(ClusterContract):
    """Straight to the Service."""

    subject = Subject(LocalProvider, kill, ingress="none", has_controller=False)
