"""Send cases to an API server and reduce its answers to what can be compared."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import ssl
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from differential.api_cases import ApiCase, Group
from differential.paths import changes

Answer = dict[str, Any]

#: Seconds for TLS connections to say goodbye: the client's documentation asks for it, since nothing tells their end.
_TLS_SECONDS = 0.25
#: Metadata that differs from run to run.
_VOLATILE = ("uid", "creationTimestamp", "resourceVersion", "managedFields", "selfLink")
_WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')
#: Parts of texts that differ from run to run, and the object that some messages carry whole.
_RUN = (
    (re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<uid>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "<time>"),
    (re.compile(r"record \(\d+\)"), "record (<version>)"),
    (re.compile(r'patch: Invalid value: ".*": '), 'patch: Invalid value: "<patch>": '),
)


class Api:
    """An API server.

    Args:
        session: With the credentials.
        url: Its base URL.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def send(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Any = None,
        content: str = "application/json", accept: str = "application/json",
    ) -> tuple[int, list[str], Any]:  # fmt: skip
        """Return status, warnings and the decoded body (text where it is not JSON)."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": accept, **({"Content-Type": content} if data is not None else {})}
        async with self.session.request(
            method, self.url + path, params=dict(query or {}), data=data, headers=headers
        ) as response:
            warnings = [
                match[1].replace('\\"', '"')
                for each in response.headers.getall("Warning", [])
                for match in _WARNING.finditer(each)
            ]
            text = await response.text()
            try:
                return response.status, warnings, json.loads(text)
            except ValueError:
                return response.status, warnings, text


@asynccontextmanager
async def connected(config: Mapping[str, Any]) -> AsyncIterator[Api]:
    """Connect to the cluster of a kubeconfig, whose credentials are in itself."""
    context = next(c["context"] for c in config["contexts"] if c["name"] == config["current-context"])
    cluster = next(c["cluster"] for c in config["clusters"] if c["name"] == context["cluster"])
    user: Mapping[str, str] = next(
        (u["user"] for u in config.get("users") or [] if u["name"] == context.get("user")), {}
    )
    connector = aiohttp.TCPConnector(limit=64, ssl=_tls(cluster, user))
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None)) as session:
        yield Api(session, cluster["server"].rstrip("/"))
    if cluster["server"].startswith("https:"):
        await asyncio.sleep(_TLS_SECONDS)


def _tls(cluster: Mapping[str, str], user: Mapping[str, str]) -> ssl.SSLContext | bool:
    if "certificate-authority-data" not in cluster:
        return True
    context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    with tempfile.TemporaryDirectory(prefix="differential-") as folder:
        certificate, key = Path(folder, "certificate"), Path(folder, "key")
        certificate.write_bytes(base64.b64decode(user["client-certificate-data"]))
        key.write_bytes(base64.b64decode(user["client-key-data"]))
        context.load_cert_chain(certificate, key)
    return context


async def answers(api: Api, groups: Sequence[Group], run: str) -> dict[str, Answer]:
    """Send all cases; return the answers by case.

    Args:
        api: The server.
        groups: What to send.
        run: Part of the names of the namespaces, so that a run meets nothing that an earlier one left.
    """
    found: dict[str, Answer] = {}
    for number, group in enumerate(groups):
        namespace = f"differential-{run}-{number}"
        await _made(api, "/api/v1/namespaces", {"metadata": {"name": namespace}})
        await _service_account(api, namespace)
        try:
            for at, obj in group.given:
                await _made(api, at.format(ns=namespace), obj)
            for case in group.cases:
                found[case.name] = reduced(case, *await _asked(api, case, namespace), namespace)
        finally:
            await api.send("DELETE", f"/api/v1/namespaces/{namespace}")
    return found


async def _service_account(api: Api, namespace: str) -> None:
    """Make the account that a real cluster's controller makes a moment later, since pods are refused before."""
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    code, _, body = await api.send("POST", path, body={"metadata": {"name": "default"}})
    if code not in {201, 409}:
        raise RuntimeError(f"cannot create the service account: {body}")


async def _made(api: Api, at: str, obj: Any) -> None:
    code, _, body = await api.send("POST", at, body=obj)
    if code != 201:
        raise RuntimeError(f"cannot create {obj}: {body}")


async def _asked(api: Api, case: ApiCase, namespace: str) -> tuple[int, list[str], Any]:
    body = json.loads(json.dumps(case.body).replace("{ns}", namespace))
    return await api.send(
        case.method, case.path.format(ns=namespace), query=case.query, body=body, content=case.content,
        accept=case.accept,
    )  # fmt: skip


def reduced(case: ApiCase, code: int, warnings: Sequence[str], body: Any, namespace: str) -> Answer:
    """Reduce an answer to its facts: code, reason, causes, message, warnings, and the object as changes of the sent."""

    def plain(text: str) -> str:
        for pattern, word in _RUN:
            text = pattern.sub(word, text)
        return text.replace(namespace, "{ns}")

    answer: Answer = {"code": code}
    if warnings:
        answer["warnings"] = sorted(map(plain, warnings))
    if isinstance(body, dict) and body.get("kind") == "Status":
        causes = (body.get("details") or {}).get("causes") or []
        answer["status"] = body.get("status")
        answer["reason"] = body.get("reason")
        answer["message"] = plain(body.get("message") or "")
        answer["causes"] = [list(c) for c in sorted({(c.get("reason", ""), c.get("field", "")) for c in causes})]
    elif isinstance(body, dict):
        reference = case.reference if isinstance(case.reference, dict) else None
        answer["object"] = changes(reference, json.loads(plain(json.dumps(normal(body)))))
    else:
        answer["text"] = plain(str(body))
    return answer


def normal(obj: dict[str, Any]) -> dict[str, Any]:
    """Take out what differs from run to run, and what only admission plugins of real clusters add to pods."""
    obj = json.loads(json.dumps(obj))
    kind = str(obj.get("kind", "")).removesuffix("List")
    for each in [obj, *(obj.get("items") or []), *(row.get("object") or {} for row in obj.get("rows") or [])]:
        _one(each, each.get("kind") or kind)
    if obj.get("kind") == "Table":
        for row in obj["rows"]:
            row["cells"] = [_cell(cell) for cell in row["cells"]]
        for column in obj["columnDefinitions"]:
            column.pop("description", None)
    return obj


_AGE = re.compile(r"(\d+[smhd])+|<invalid>")
_ADDRESS = re.compile(r"\d+(\.\d+){3}")


def _cell(cell: Any) -> Any:
    """Return a cell of a table without ages and addresses."""
    if not isinstance(cell, str):
        return cell
    return "<age>" if _AGE.fullmatch(cell) else "<address>" if _ADDRESS.fullmatch(cell) else cell


def _one(obj: dict[str, Any], kind: str) -> None:
    metadata, spec = obj.get("metadata") or {}, obj.get("spec") or {}
    for name in _VOLATILE:
        metadata.pop(name, None)
    if metadata.get("generateName"):
        metadata["name"] = metadata["generateName"] + "?"
    (metadata.get("annotations") or {}).pop("deployment.kubernetes.io/revision", None)
    if kind in {"Deployment", "ReplicaSet"}:
        obj.pop("status", None)
    if kind == "Service":
        for name in ("clusterIP", "clusterIPs"):
            if spec.get(name) not in (None, "None", ["None"], ""):
                spec[name] = "<address>"
        for port in spec.get("ports") or []:
            if port.get("nodePort"):
                port["nodePort"] = "<port>"
    if kind == "Pod":
        _pod(obj, spec)


def _pod(obj: dict[str, Any], spec: dict[str, Any]) -> None:
    """Drop what the plugins ServiceAccount, DefaultTolerationSeconds and Priority add, and what the scheduler says."""
    for name in ("serviceAccount", "serviceAccountName", "tolerations", "priority", "preemptionPolicy", "nodeName"):
        spec.pop(name, None)
    spec["volumes"] = [v for v in spec.get("volumes") or [] if not str(v.get("name")).startswith("kube-api-access-")]
    if not spec["volumes"]:
        del spec["volumes"]
    for container in (*spec.get("containers", ()), *spec.get("initContainers", ())):
        mounts = container.get("volumeMounts") or []
        kept = [mount for mount in mounts if not mount["name"].startswith("kube-api-access-")]
        container.pop("volumeMounts", None)
        if kept:
            container["volumeMounts"] = kept
    status = obj.get("status") or {}
    obj["status"] = {name: status[name] for name in ("phase", "qosClass") if name in status}
