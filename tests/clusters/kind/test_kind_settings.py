"""The files in ``kind-config/`` agree with the code, and the user's options replace their values."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from harness.clusters.base import BringUp
from harness.clusters.kind.settings import (
    KindSettings,
    cluster_config,
    free_ports,
    ingress_manifests,
    node_ports,
)
from harness.controllers.nginx.log import is_access
from harness.controllers.registry import INGRESS_CONTROLLERS
from harness.localkube.ingress.render import _LOG_FIELDS
from harness.model.controllers import CONTROLLERS

#: A port of this machine for each that is mapped.
PORTS = {30080: 1234, 30800: 5678, 30900: 9012}


def settings(ingress: str = "ingress-nginx", **options: str) -> KindSettings:
    """Return settings with some options."""
    request = BringUp(
        name="x", directory=Path("logs"), ingress=ingress, images=("hashicorp/http-echo:1.0",), options=options
    )
    return KindSettings.of(request, "x")


def test_cluster_listens_only_on_loopback() -> None:
    """Every host port is bound to 127.0.0.1. Ports and kube-proxy mode are the requested ones."""
    config = yaml.safe_load(cluster_config(settings(**{"kube-proxy": "nftables"}), PORTS))
    mappings = [mapping for node in config["nodes"] for mapping in node["extraPortMappings"]]

    assert {mapping["listenAddress"] for mapping in mappings} == {"127.0.0.1"}
    assert {mapping["containerPort"]: mapping["hostPort"] for mapping in mappings} == PORTS
    assert config["networking"]["kubeProxyMode"] == "nftables"


def test_image_is_pinned_or_replaced() -> None:
    """The controller's image comes from images.yaml or from the user."""
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
    """The followed log is that of the Deployment's pods."""
    deployment = next(m for m in ingress_manifests(settings()) if m["kind"] == "Deployment")
    where = CONTROLLERS["ingress-nginx"].address
    assert where is not None

    assert deployment["metadata"]["namespace"] == where.namespace
    assert where.labels.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()


def test_access_log_is_that_of_the_local_cluster() -> None:
    """It has the same fields and variables in the same order."""
    config = next(m for m in ingress_manifests(settings()) if m["kind"] == "ConfigMap")["data"]

    assert config["log-format-upstream"] == "{" + ",".join(f'"{name}":{value}' for name, value in _LOG_FIELDS) + "}"
    assert config["log-format-escape-json"] == "true"
    assert is_access(config["log-format-upstream"])


def test_controller_logs_the_needed_events() -> None:
    """Syncs without changes are only logged from verbosity 3."""
    deployment = next(m for m in ingress_manifests(settings()) if m["kind"] == "Deployment")

    assert "--v=3" in deployment["spec"]["template"]["spec"]["containers"][0]["args"]


def test_free_ports_differ() -> None:
    """Each port of the node gets a different one."""
    ports = free_ports(node_ports())

    assert set(ports) == set(PORTS)
    assert len(set(ports.values())) == 3


@pytest.mark.parametrize("ingress", sorted(word for word, known in INGRESS_CONTROLLERS.items() if known.kind))
def test_controller_can_be_updated_without_a_gap(ingress: str) -> None:
    """A new pod starts before an old one ends, and no pod uses a port of the node."""
    manifests = ingress_manifests(settings(ingress))
    (deployment,) = [m for m in manifests if m["kind"] == "Deployment"]
    (service,) = [m for m in manifests if m["kind"] == "Service"]
    where = CONTROLLERS[ingress].address
    assert where is not None
    containers = deployment["spec"]["template"]["spec"]["containers"]

    assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert not any("hostPort" in port for container in containers for port in container["ports"])
    assert service["spec"]["ports"][0]["nodePort"] == settings(ingress).node_port
    assert settings(ingress).node_port in node_ports()
    assert deployment["metadata"]["name"] == where.deployment


@pytest.mark.parametrize("ingress", ["ingress-nginx", "traefik-nginx"])
def test_ingress_without_a_class_is_served(ingress: str) -> None:
    """As on local clusters. If there are two classes, only one may be the default."""
    classes = [m for m in ingress_manifests(settings(ingress)) if m["kind"] == "IngressClass"]
    default = [m["metadata"]["name"] for m in classes if m["metadata"].get("annotations")]

    assert default == ["nginx"]


def test_kinds_of_traefik_come_before_it() -> None:
    """Its provider lists them at the start."""
    kinds = [manifest["kind"] for manifest in ingress_manifests(settings("traefik"))]

    assert kinds.count("CustomResourceDefinition") == 10
    assert kinds.index("Deployment") > max(i for i, kind in enumerate(kinds) if kind == "CustomResourceDefinition")


@pytest.mark.parametrize(
    ("ingress", "name", "has", "lacks"),
    [
        ("traefik", "traefik", "kubernetesIngress", "kubernetesIngressNGINX"),
        ("traefik-nginx", "nginx", "kubernetesIngressNGINX", "kubernetesIngress"),
    ],
)
def test_traefik_reads_what_the_experiment_says(ingress: str, name: str, has: str, lacks: str) -> None:
    """It reads Ingresses of its class or those of ingress-nginx, and in both cases its custom kinds."""
    manifests = ingress_manifests(settings(ingress))
    (config,) = [m for m in manifests if m["kind"] == "ConfigMap"]
    providers = yaml.safe_load(config["data"]["traefik.yaml"])["providers"]

    assert has in providers
    assert lacks not in providers
    assert "kubernetesCRD" in providers
    assert name in [m["metadata"]["name"] for m in manifests if m["kind"] == "IngressClass"]
