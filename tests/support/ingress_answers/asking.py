"""Create the Ingresses of the cases, and send their requests."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme
import yaml
from tls_parts import careless, secret

from harness.localkube.addresses import AddressBlock
from harness.localkube.apps.any_protocol import Protocols, Security
from harness.localkube.apps.http_parser import Request
from harness.localkube.apps.http_server import HttpServer, Response
from harness.localkube.ingress.annotation_names import PREFIX
from harness.localkube.machinery.client import ApiClient, NotFound
from harness.localkube.machinery.resources import CONFIGMAPS, ENDPOINTSLICES, INGRESSES, SECRETS, SERVICES
from harness.localkube.system.programs import INGRESS_NGINX

#: Timeout of every wait, in seconds.
DEADLINE = 120.0
#: The headers that decide what a client does next.
HEADERS = ("location", "strict-transport-security", "www-authenticate", "set-cookie")
#: The host of the last Ingress: an answer shows that all others are served.
LAST = "last.example"
#: Answers in a row that show that every worker serves it.
_ROW = 30
_PORT = 5678
#: The Services of each case. Cases share none of them, because ingress-nginx merges the settings of a Service, and
#: keeps connections to a pod whatever their protocol.
_ROLES = ("shop", "canary", "errors", "secure")
_SECRET_OF_COOKIES = re.compile(r"=[^;]*")

#: The ConfigMap of the second round, and the case and status that show it in effect.
SETTINGS = {
    "hsts-include-subdomains": "false",
    "hsts-max-age": "60",
    "hsts-preload": "true",
    "http-redirect-code": "307",
    "preserve-trailing-slash": "true",
    "proxy-body-size": "3",
    "proxy-connect-timeout": "2",
    "proxy-next-upstream": "error timeout http_503",
    "proxy-read-timeout": "9",
    "ssl-redirect": "false",
    "upstream-keepalive-timeout": "5",
}
_SHOWS_SETTINGS = ("force-ssl-redirect.example", 307)
#: The counters of these cases are used up in the first round.
_ONCE = ("limit-",)
#: What is added to the name of a case in the second round.
AGAIN = " with the ConfigMap"

Case = Mapping[str, Any]
Answers = dict[str, list[dict[str, Any]]]


def cases() -> list[Case]:
    """Return all cases."""
    found: list[Case] = yaml.safe_load(Path(__file__).with_name("cases.yaml").read_text(encoding="utf-8"))
    return found


@dataclass(frozen=True, slots=True)
class Front:
    """The address at which a controller accepts requests.

    Attributes:
        address: Its address.
        port: Its port for HTTP.
        tls_port: Its port for HTTPS.
    """

    address: str
    port: int
    tls_port: int


@asynccontextmanager
async def workload(client: ApiClient, block: AddressBlock, folder: Path) -> AsyncIterator[None]:
    """Run the pods, and create all objects of the cases."""
    authority = trustme.CA()
    certificate = folder / "pod.pem"
    authority.issue_cert("pod.example").private_key_and_cert_chain_pem.write_to_path(certificate)
    async with AsyncExitStack() as stack:
        addresses = map(block.pod_address, itertools.count(1))
        for role, case in itertools.product(_ROLES, (*cases(), {"name": "last"})):
            if not _needs(case, role):
                continue
            address = next(addresses)
            security = Security.REQUIRED if role == "secure" else Security.NONE
            server = HttpServer(_answering(role), connect=Protocols(security, certificate).connection)
            await server.listen(address, _PORT)
            stack.callback(server.close_all)
            await _service(client, f"{case['name']}-{role}", address)
        await _service(client, "empty", "")
        users = {"auth": base64.b64encode(b"anna:{PLAIN}pear\n").decode()}
        await client.create(SECRETS, {"metadata": {"name": "users"}, "data": users}, "default")
        for case in cases():
            if case.get("tls"):
                await client.create(
                    SECRETS, secret(authority, f"{case['name']}.example", name=f"{case['name']}-tls"), "default"
                )
            await _ingress(client, case, case.get("annotations") or {}, case.get("service", "shop"))
            if case.get("canary"):
                await _ingress(client, case, case["canary"], "canary")
        yield


async def answers(front: Front, client: ApiClient) -> Answers:
    """Send the requests of all cases once every worker serves them, and most of them again with a ConfigMap."""
    # Only now, so that the controller learns of this Ingress after all others.
    await _until(front, "nobody.example", 404)
    await _ingress(client, {"name": "last"}, {}, "shop")
    await _until(front, LAST, 200)
    first = {case["name"]: await _ask(front, case) for case in cases()}
    namespace, name = INGRESS_NGINX.address.namespace, INGRESS_NGINX.address.settings
    try:
        await client.patch(CONFIGMAPS, name, namespace, {"data": SETTINGS})
    except NotFound:
        await client.create(CONFIGMAPS, {"metadata": {"name": name}, "data": SETTINGS}, namespace)
    await _until(front, *_SHOWS_SETTINGS)
    return first | {case["name"] + AGAIN: await _ask(front, case) for case in repeated()}


def repeated() -> list[Case]:
    """Return the cases of the second round."""
    return [case for case in cases() if not case["name"].startswith(_ONCE)]


async def _until(front: Front, host: str, status: int) -> None:
    """Wait until every worker answers a request for a host with this status, as shown by a row of connections."""
    async with asyncio.timeout(DEADLINE):
        row = 0
        while row < _ROW:
            try:
                reply = await _send(front, {"ask": "GET /", "host": host}, "")
            except (OSError, IndexError):
                reply = {"status": 0}
            row = row + 1 if reply["status"] == status else 0
            await asyncio.sleep(0 if row else 0.1)


async def _ask(front: Front, case: Case) -> list[dict[str, Any]]:
    return [await _send(front, options, f"{case['name']}.example") for options in options_of(case)]


def _answering(name: str) -> Any:
    def answer(request: Request, _peer: str) -> Response:
        status = re.match(r"/status/(\d+)", request.target)
        seen = [name, request.method, request.target, request.headers.get("host", "")]
        seen += [
            f"{each}={request.headers[each]}"
            for each in ("x-forwarded-prefix", "x-forwarded-proto", "x-code", "authorization")
            if each in request.headers
        ]
        return Response(int(status[1]) if status and name != "errors" else 200, " ".join(seen).encode())

    return answer


async def _service(client: ApiClient, name: str, address: str) -> None:
    spec = {"selector": {"app": name}, "ports": [{"port": 80, "protocol": "TCP"}]}
    await client.create(SERVICES, {"metadata": {"name": name}, "spec": spec}, "default")
    conditions = {"ready": True, "serving": True, "terminating": False}
    piece = {
        "addressType": "IPv4",
        "metadata": {"name": f"{name}-1", "labels": {"kubernetes.io/service-name": name}},
        "ports": [{"name": "", "port": _PORT, "protocol": "TCP"}],
        "endpoints": [{"addresses": [address], "conditions": conditions}] if address else [],
    }
    await client.create(ENDPOINTSLICES, piece, "default")


def _needs(case: Case, role: str) -> bool:
    """Return True if an Ingress of a case names the Service of a role."""
    named = {case.get("service", "shop"), "canary" if case.get("canary") else ""}
    return role in named or (role == "errors" and "default-backend" in (case.get("annotations") or {}))


async def _ingress(client: ApiClient, case: Case, annotations: Mapping[str, str], role: str) -> None:
    host, name = f"{case['name']}.example", case["name"] + ("-canary" if role == "canary" else "")
    service = role if role == "empty" else f"{case['name']}-{role}"
    backend = {"service": {"name": service, "port": {"number": 80}}}
    path = case.get("path", "/")
    kind = "Prefix" if re.fullmatch(r"[a-z/]+", path) else "ImplementationSpecific"
    rules = [{"host": host, "http": {"paths": [{"path": path, "pathType": kind, "backend": backend}]}}]
    spec: dict[str, Any] = {"ingressClassName": "nginx", "rules": rules}
    if case.get("tls"):
        spec["tls"] = [{"hosts": [host], "secretName": f"{case['name']}-tls"}]
    full = {PREFIX + key: value for key, value in annotations.items()}
    if "default-backend" in annotations:
        full[f"{PREFIX}default-backend"] = f"{case['name']}-errors"
    await client.create(INGRESSES, {"metadata": {"name": name, "annotations": full}, "spec": spec}, "default")


async def _send(front: Front, options: Mapping[str, Any], host: str) -> dict[str, Any]:
    """Send a request on a new connection; return the parts of the answer that are compared."""
    method, _, target = options["ask"].partition(" ")
    host = options.get("host", host)
    secure: dict[str, Any] = {"ssl": careless(), "server_hostname": host} if options.get("tls") else {}
    port = front.tls_port if options.get("tls") else front.port
    reader, writer = await asyncio.open_connection(front.address, port, **secure)
    body = str(options.get("body", "")).encode()
    fields = {"Host": host, "Connection": "close", "Content-Length": str(len(body)), **(options.get("headers") or {})}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
    async with asyncio.timeout(DEADLINE):
        head, _, content = (await reader.read()).decode().partition("\r\n\r\n")
    writer.close()
    first, *rest = head.split("\r\n")
    status = int(first.split(" ")[1])
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
    found = {name: _comparable(name, headers[name]) for name in HEADERS if name in headers}
    # The pages of nginx itself name its version.
    return {"status": status, **({"headers": found} if found else {}), **({"body": content} if status == 200 else {})}


def _comparable(name: str, value: str) -> str:
    """Return a header's value without the part that is random."""
    if name != "set-cookie":
        return value
    first, _, attributes = value.partition(";")
    kept = [each for each in attributes.split("; ") if not each.strip().lower().startswith("expires=")]
    return _SECRET_OF_COOKIES.sub("=…", first) + ";" + "; ".join(kept)


def lines_of(recorded: Answers) -> str:
    """Return answers as JSON with a line for each request."""
    rows = [
        f"{json.dumps(name)}: [\n  " + ",\n  ".join(json.dumps(each, sort_keys=True) for each in found) + "\n]"
        for name, found in recorded.items()
    ]
    return "{\n" + ",\n".join(rows) + "\n}\n"


def options_of(case: Case) -> Sequence[Mapping[str, Any]]:
    """Return the requests of a case, each as a map."""
    return [{"ask": each} if isinstance(each, str) else each for each in case["requests"]]
