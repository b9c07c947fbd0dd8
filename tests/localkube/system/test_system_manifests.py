"""The objects of the ingress controllers are valid and consistent."""

from __future__ import annotations

import pytest

from harness.kube.admission.refusals import refusals
from harness.kube.schema import violations
from harness.localkube.kubelet.images import find_image
from harness.localkube.system.manifests import deployment_of, namespace_of, service_of
from harness.localkube.system.programs import INGRESS_PROGRAMS, IngressProgram

ALL = pytest.mark.parametrize("system", INGRESS_PROGRAMS.values(), ids=INGRESS_PROGRAMS.keys())


@ALL
def test_an_api_server_accepts_the_objects(system: IngressProgram) -> None:
    """They have no unknown or missing fields, and admission does not reject them."""
    objects = (
        {"apiVersion": "v1", "kind": "Namespace", **namespace_of(system)},
        {"apiVersion": "v1", "kind": "Service", **service_of(system)},
        {"apiVersion": "apps/v1", "kind": "Deployment", **deployment_of(system, 8080, 8443)},
    )

    assert [found for obj in objects for found in violations(obj)] == []
    assert [found for obj in objects for found in refusals(obj)] == []


@ALL
def test_the_service_finds_the_pods_and_their_port(system: IngressProgram) -> None:
    """The selector matches the pods' labels, and the target is the name of their port."""
    service, template = service_of(system)["spec"], deployment_of(system, 8080, 8443)["spec"]["template"]
    ports = template["spec"]["containers"][0]["ports"]

    assert service["selector"].items() <= template["metadata"]["labels"].items()
    assert [port["targetPort"] for port in service["ports"]] == [port["name"] for port in ports]
    assert [(port["port"]) for port in service["ports"]] == ([80, 443] if system.tls_port else [80])
    assert [port["containerPort"] for port in ports] == ([8080, 8443] if system.tls_port else [8080])


@ALL
def test_only_system_pods_can_use_the_image(system: IngressProgram) -> None:
    """Pods of the controller can use the image, workloads cannot."""
    assert find_image(system.image, system=True) is not None
    assert find_image(system.image) is None


@ALL
def test_a_controller_stays_ready_through_a_stall(system: IngressProgram) -> None:
    """It leaves its Service after 30 s without an answer, so a stall of the machine does not refuse connections."""
    probe = deployment_of(system, 8080, 8443)["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]

    assert probe["periodSeconds"] * probe["failureThreshold"] >= 30
    assert probe["periodSeconds"] == 1
