"""The annotation ``backend-protocol``: nginx speaks TLS and gRPC to pods; with a real nginx."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from harness.kube.fieldclasses import FieldClass, Site
from harness.localkube.apps.any_protocol import Protocols, Security
from harness.localkube.apps.http_parser import Request
from harness.localkube.apps.http_server import HttpServer, Response
from harness.localkube.ingress.annotation_classes import class_of
from harness.localkube.ingress.annotation_names import PREFIX
from harness.localkube.ingress.annotations import settings_of
from tests.localkube.test_field_classes import INGRESS

if TYPE_CHECKING:
    from tests.localkube.ingress.conftest import StartPlane


@pytest.mark.parametrize(
    ("value", "protocol", "found"),
    [
        ("HTTPS", "HTTPS", FieldClass.IMPLEMENTED),
        ("grpcs", "GRPCS", FieldClass.IMPLEMENTED),
        ("AUTO_HTTP", "AUTO_HTTP", FieldClass.IMPLEMENTED),
        ("FCGI", "HTTP", FieldClass.DECISIVE),
        ("AJP", "HTTP", FieldClass.INERT),
        ("", "HTTP", FieldClass.INERT),
    ],
)
def test_values_of_the_protocol(value: str, protocol: str, found: FieldClass) -> None:
    """ingress-nginx treats an unknown protocol as HTTP."""
    name = f"{PREFIX}backend-protocol"
    settings = settings_of({"metadata": {"name": "web", "annotations": {name: value}}})

    assert settings.protocol == protocol
    assert class_of(name, Site(value, (INGRESS,)))[0] is found


@pytest.mark.parametrize(
    ("protocol", "found"), [("GRPC", FieldClass.INERT), ("https", FieldClass.DECISIVE), ("", FieldClass.INERT)]
)
def test_the_secret_for_pods_matters_with_tls(protocol: str, found: FieldClass) -> None:
    """Without TLS to the pods, nginx uses no certificate."""
    name = f"{PREFIX}proxy-ssl-secret"
    annotations = {name: "shop/ca", f"{PREFIX}backend-protocol": protocol}

    assert class_of(name, Site("shop/ca", (INGRESS, annotations)))[0] is found


@pytest.mark.nginx
@pytest.mark.processes
@pytest.mark.parametrize(
    ("protocol", "security", "expected"),
    [
        ("HTTPS", Security.REQUIRED, (200, "HTTP/1.1")),
        ("GRPCS", Security.REQUIRED, (200, "HTTP/2")),
    ],
)
def test_pods_are_asked_by_the_protocol(
    plane: StartPlane, tmp_path: Path, protocol: str, security: Security, expected: tuple[int, str]
) -> None:
    """The pod gets the host and the id of the request; the recorded answers show further protocols."""
    seen: list[Request] = []
    status, version = expected

    async def scenario() -> None:
        async with plane() as p:
            server, address = await serve(tmp_path, p.block.pod_address(1), security, seen)
            await p.service("shop", address)
            await p.shop({"backend-protocol": protocol})
            await p.gives(status, headers={"X-Request-ID": "one"})
            server.close_all()

    asyncio.run(scenario())

    assert {each.version for each in seen} == {version}
    assert all(each.headers["x-request-id"] == "one" for each in seen)
    assert all(each.headers["host"] == "shop.example" for each in seen)


async def serve(folder: Path, address: str, security: Security, seen: list[Request]) -> tuple[HttpServer, Any]:
    """Run a pod's server that records its requests; return it with its address and port."""
    certificate = folder / "pod.pem"
    trustme.CA().issue_cert("pod.example").private_key_and_cert_chain_pem.write_to_path(certificate)

    def answer(request: Request, _peer: str) -> Response:
        seen.append(request)
        return Response(200, b"v1")

    server = HttpServer(answer, connect=Protocols(security, certificate).connection)
    await server.listen(address, 5678)
    return server, (address, 5678)
