"""What is in ``kind-config/`` fits what the code says of it, and what a user asks for gets in."""

from __future__ import annotations

from pathlib import Path

import yaml

from harness.clusters.base import BringUp
from harness.clusters.kind.ingresses import KIND_INGRESSES
from harness.clusters.kind.settings import (
    KindSettings,
    cluster_config,
    free_ports,
    ingress_manifests,
    node_ports,
)
from harness.clusters.local.ingress.render import _LOG_FIELDS
from harness.clusters.shared.nginx_log import is_access

#: A port of this machine for each that is mapped.
PORTS = {30080: 1234, 30800: 5678, 30900: 9012}


def settings(**options: str) -> KindSettings:
    """Settings with some options."""
    request = BringUp(name="x", directory=Path("logs"), images=("hashicorp/http-echo:1.0",), options=options)
    return KindSettings.of(request, "x")


def test_cluster_listens_on_loopback_alone() -> None:
    """Every host port is bound to 127.0.0.1, and is the one that was asked for; the kube-proxy mode too."""
    config = yaml.safe_load(cluster_config(settings(**{"kube-proxy": "nftables"}), PORTS))
    mappings = [mapping for node in config["nodes"] for mapping in node["extraPortMappings"]]

    assert {mapping["listenAddress"] for mapping in mappings} == {"127.0.0.1"}
    assert {mapping["containerPort"]: mapping["hostPort"] for mapping in mappings} == PORTS
    assert config["networking"]["kubeProxyMode"] == "nftables"


def test_image_is_pinned_or_replaced() -> None:
    """The controller's image comes from images.yaml, or from the user; no other place names it."""
    for options, wanted in (
        ({}, "registry.k8s.io/ingress-nginx/controller:v1.11.0"),
        ({"image:ingress-nginx": "a:1"}, "a:1"),
    ):
        made = settings(**options)
        images = [
            container["image"]
            for manifest in ingress_manifests(made)
            if manifest["kind"] == "Deployment"
            for container in manifest["spec"]["template"]["spec"]["containers"]
        ]

        assert images == [wanted]
        assert made.needed == (wanted, "hashicorp/http-echo:1.0")


def test_controller_is_found_by_its_labels() -> None:
    """The pods whose log is followed are those of the Deployment."""
    deployment = next(m for m in ingress_manifests(settings()) if m["kind"] == "Deployment")
    where = KIND_INGRESSES["ingress-nginx"].controller

    assert deployment["metadata"]["namespace"] == where.namespace
    assert where.labels.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()


def test_access_log_is_that_of_the_local_cluster() -> None:
    """The same fields with the same variables in the same order, so that evidence is read alike."""
    config = next(m for m in ingress_manifests(settings()) if m["kind"] == "ConfigMap")["data"]

    assert config["log-format-upstream"] == "{" + ",".join(f'"{name}":{value}' for name, value in _LOG_FIELDS) + "}"
    assert config["log-format-escape-json"] == "true"
    assert is_access(config["log-format-upstream"])


def test_controller_says_what_is_listened_for() -> None:
    """Syncs with nothing to do are only told at verbosity 3."""
    deployment = next(m for m in ingress_manifests(settings()) if m["kind"] == "Deployment")

    assert "--v=3" in deployment["spec"]["template"]["spec"]["containers"][0]["args"]


def test_free_ports_differ() -> None:
    """Each port of the node gets one of its own."""
    ports = free_ports(node_ports())

    assert set(ports) == set(PORTS)
    assert len(set(ports.values())) == 3
