"""The API server over HTTP: discovery, verbs, watches, logs, errors."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.localkube.api import server as server_module
from harness.localkube.api.server import serve, serve_at
from harness.localkube.api.storage import Storage
from harness.localkube.machinery.client import ApiClient, Conflict
from harness.localkube.machinery.objects import key_of
from harness.localkube.machinery.resources import (
    CONFIGMAPS,
    DEPLOYMENTS,
    NAMESPACES,
    PODS,
    RESOURCES,
    SERVICES,
    Resource,
)
from harness.localkube.settings import NodeSettings

Object = dict[str, Any]
POD: Object = {"metadata": {"name": "p"}, "spec": {"nodeName": "n", "containers": [{"name": "c", "image": "i:1"}]}}


def call(url: str, path: str, method: str = "GET", body: Any = None, **headers: str) -> tuple[int, Any]:
    """Return status and parsed body of a request."""
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url + path, data, {"Content-Type": "application/json"} | names, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            code, text = response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            code, text = error.code, error.read().decode()
    return code, json.loads(text) if text.startswith("{") else text


def lines(url: str, path: str) -> list[Object]:
    """Return the events of a watch that ends by itself."""
    with urllib.request.urlopen(url + path, timeout=60) as response:
        return [json.loads(line) for line in response]


def test_discovery_names_every_resource(server: str) -> None:
    """Group by group or aggregated, discovery lists the same resources and subresources."""
    assert call(server, "/api")[1]["versions"] == ["v1"]
    groups = call(server, "/apis")[1]["groups"]
    roots = ["/api/v1", *(f"/apis/{v['groupVersion']}" for g in groups for v in g["versions"])]
    plain = {(root, r["name"]) for root in roots for r in call(server, root)[1]["resources"]}
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    aggregated = set()
    for path in ("/api", "/apis"):
        for item in call(server, path, Accept=accept)[1]["items"]:
            for version in item["versions"]:
                name = item["metadata"]["name"]
                root = f"/apis/{name}/{version['version']}" if name else f"/api/{version['version']}"
                for r in version["resources"]:
                    aggregated |= {(root, r["resource"])}
                    aggregated |= {(root, f"{r['resource']}/{s['subresource']}") for s in r["subresources"]}

    assert plain == aggregated
    assert {(r.root, r.plural) for r in RESOURCES} <= plain


def test_version_health_and_openapi_are_served(server: str) -> None:
    """Every document that the OpenAPI index names can be read."""
    assert call(server, "/version")[1]["major"] == "1"
    assert [call(server, path) for path in ("/healthz", "/readyz", "/livez")] == [(200, "ok")] * 3
    index = call(server, "/openapi/v3")[1]["paths"]
    documents = {name: call(server, entry["serverRelativeURL"]) for name, entry in index.items()}
    assert all(code == 200 for code, _ in documents.values())
    patch = documents["apis/apps/v1"][1]["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert patch["x-kubernetes-group-version-kind"] == {"group": "apps", "version": "v1", "kind": "Deployment"}
    assert call(server, "/openapi/v2") == (200, "\n\x032.0")
    assert call(server, "/apis/example.com")[0] == 404


def test_an_empty_cluster_has_its_namespaces(server: str) -> None:
    """An empty cluster has the usual namespaces."""
    names = [item["metadata"]["name"] for item in call(server, "/api/v1/namespaces")[1]["items"]]

    assert names == ["default", "ingress-nginx", "kube-system"]


def test_errors_are_status_objects(server: str) -> None:
    """An error is a Status with code, reason and details; unsupported methods are errors too."""
    code, status = call(server, "/api/v1/namespaces/default/pods/x")
    assert (code, status["kind"], status["reason"]) == (404, "Status", "NotFound")
    assert status["details"] == {"name": "x", "kind": "pods"}
    pods = "/api/v1/namespaces/default/pods"
    assert call(server, pods, "PUT", {})[0] == 405
    assert call(server, pods + "/x", "POST", {})[0] == 405
    assert call(server, pods, "OPTIONS")[0] == 405
    assert call(server, pods, "POST", [])[0] == 400
    assert call(server, pods, "POST", b"k8s\0")[0] == 400
    assert call(server, pods + "?labelSelector=a%20b")[0] == 400


def test_a_bug_is_an_internal_error(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected exception is answered by a Status 500, and the server continues."""
    monkeypatch.setattr("harness.localkube.api.handlers.parse_path", lambda path: 1 / 0)
    code, status = call(server, "/api/v1/pods")
    assert (code, status["reason"]) == (500, "InternalError")
    monkeypatch.undo()
    assert call(server, "/api/v1/pods")[0] == 200


def test_unknown_fields_are_rejected_by_strict_validation(server: str) -> None:
    """Strict field validation names every unknown field; without it the field is dropped."""
    body = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80, "prot": "TCP"}], "slector": {}}}
    body |= {"apiVersion": "v1", "kind": "Service"}
    path = "/api/v1/namespaces/default/services"

    code, status = call(server, path + "?fieldValidation=Strict", "POST", body)
    assert code == 400
    assert 'strict decoding error: unknown field "spec.ports[0].prot"' in status["message"]
    assert 'unknown field "spec.slector"' in status["message"]
    code, stored = call(server, path, "POST", body)
    assert (code, "slector" in stored["spec"], "prot" in stored["spec"]["ports"][0]) == (201, False, False)
    patch = {"Content_Type": "application/merge-patch+json"}
    strict = call(server, path + "/s?fieldValidation=Strict", "PATCH", {"spec": {"x": 1}}, **patch)
    assert strict[0] == 422
    assert "x" not in call(server, path + "/s", "PATCH", {"spec": {"x": 1}}, **patch)[1]["spec"]


def test_deletions_answer_as_clients_expect(server: str) -> None:
    """Pods and Services are answered as objects, other kinds as a Status, collections as a list."""
    base = "/api/v1/namespaces/default"
    service = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}}
    for plural, body in (("services", service), ("configmaps", {"metadata": {"name": "s"}}), ("pods", POD)):
        assert call(server, f"{base}/{plural}", "POST", body)[0] == 201

    assert call(server, f"{base}/services/s", "DELETE")[1]["kind"] == "Service"
    status = call(server, f"{base}/configmaps/s", "DELETE")[1]
    assert (status["kind"], status["status"], status["details"]["kind"]) == ("Status", "Success", "configmaps")
    assert call(server, f"{base}/pods", "DELETE", {"gracePeriodSeconds": 0})[1]["kind"] == "PodList"
    assert call(server, f"{base}/pods")[1]["items"] == []


def test_scale_is_a_separate_object(server: str) -> None:
    """The scale subresource reads and writes only the number of replicas."""
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i:1"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    base = "/apis/apps/v1/namespaces/default/deployments"
    call(server, base, "POST", {"metadata": {"name": "d"}, "spec": spec})

    scale = call(server, f"{base}/d/scale")[1]
    assert (scale["kind"], scale["spec"], scale["status"]["selector"]) == ("Scale", {"replicas": 1}, "a=b")
    merge = {"Content_Type": "application/merge-patch+json"}
    assert call(server, f"{base}/d/scale", "PATCH", {"spec": {"replicas": 3}}, **merge)[1]["spec"] == {"replicas": 3}
    assert call(server, f"{base}/d/scale", "PUT", scale)[0] == 409
    assert call(server, f"{base}/d/scale", "PUT", {"spec": {"replicas": -1}})[0] == 422
    assert call(server, f"{base}/d")[1]["spec"]["replicas"] == 3


def test_eviction_deletes(server: str) -> None:
    """An eviction begins the deletion of the pod with its grace period."""
    call(server, "/api/v1/namespaces/default/pods", "POST", POD)

    code, _ = call(server, "/api/v1/namespaces/default/pods/p/eviction", "POST", {"metadata": {"name": "p"}})

    assert code == 201
    assert "deletionTimestamp" in call(server, "/api/v1/namespaces/default/pods/p")[1]["metadata"]


def test_a_watch_starts_with_existing_objects(server: str) -> None:
    """A watch sends one JSON document per line; an old version is an ERROR event."""
    namespaces = lines(server, "/api/v1/namespaces?watch=true&timeoutSeconds=0.05")
    assert [e["type"] for e in namespaces] == ["ADDED"] * 3
    assert lines(server, "/api/v1/pods?watch=1&resourceVersion=5")[0]["object"]["code"] == 410
    by_name = lines(server, "/api/v1/namespaces/default?watch=true&timeoutSeconds=0.05")
    assert [e["object"]["metadata"]["name"] for e in by_name] == ["default"]


def test_a_watch_as_a_table_sends_its_columns_once(server: str) -> None:
    """The first event contains the column definitions, the others only rows."""
    request = urllib.request.Request(
        server + "/api/v1/namespaces?watch=true&timeoutSeconds=0.05",
        headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        tables = [json.loads(line)["object"] for line in response]

    assert [len(t["rows"]) for t in tables] == [1, 1, 1]
    assert [bool(t["columnDefinitions"]) for t in tables] == [True, False, False]


def test_list_items_have_no_kind(server: str) -> None:
    """As on a real server, the items of a list have no kind; ApiClient adds it."""
    assert "kind" not in call(server, "/api/v1/namespaces")[1]["items"][0]

    async def listed() -> list[Object]:
        async with ApiClient(server, "test") as client:
            return (await client.list(NAMESPACES))[0]

    assert {(o["apiVersion"], o["kind"]) for o in asyncio.run(listed())} == {("v1", "Namespace")}


def test_both_event_apis_share_events(server: str) -> None:
    """An event written through one Event API is read through the other."""
    new = {"metadata": {"name": "e"}, "regarding": {"kind": "Pod", "name": "p"}, "note": "hello", "reason": "R"}
    path = "/apis/events.k8s.io/v1/namespaces/default/events"
    created = call(server, path, "POST", new)[1]
    assert (created["apiVersion"], created["note"]) == ("events.k8s.io/v1", "hello")

    core = call(server, "/api/v1/namespaces/default/events/e")[1]
    assert (core["apiVersion"], core["message"], core["involvedObject"]["name"]) == ("v1", "hello", "p")
    merge = {"Content_Type": "application/merge-patch+json"}
    assert call(server, path + "/e", "PATCH", {"note": "bye"}, **merge)[1]["note"] == "bye"
    assert call(server, path + "/e", "DELETE")[1]["status"] == "Success"


def test_logs_are_read(server: str, pod_logs: Path) -> None:
    """A container's log is read completely or from its end; unsupported options are clear errors."""
    call(server, "/api/v1/namespaces/default/pods", "POST", POD)
    path = "/api/v1/namespaces/default/pods/p/log"
    assert "waiting to start" in call(server, path)[1]["message"]
    (pod_logs / "default_p_c.log").write_text("one\ntwo\nthree\n")

    assert call(server, path) == (200, "one\ntwo\nthree\n")
    assert call(server, path + "?tailLines=2") == (200, "two\nthree\n")
    assert call(server, path + "?tailLines=0") == (200, "")
    assert call(server, path + "?limitBytes=5") == (200, "one\nt")
    for query in ("previous=true", "container=x", "tailLines=x", "sinceSeconds=x", "sinceSeconds=0", "sinceTime=now"):
        assert call(server, f"{path}?{query}")[0] == 400


def test_a_followed_log_ends_with_its_pod(server: str, pod_logs: Path) -> None:
    """Following a log returns new lines until the pod is gone."""
    call(server, "/api/v1/namespaces/default/pods", "POST", POD)
    log = pod_logs / "default_p_c.log"
    log.write_text("one\n")
    with urllib.request.urlopen(server + "/api/v1/namespaces/default/pods/p/log?follow=true", timeout=60) as response:
        first = response.readline()
        with log.open("a") as file:
            file.write("two\n")
        second = response.readline()
        call(server, "/api/v1/namespaces/default/pods/p", "DELETE", {"gracePeriodSeconds": 0})
        rest = response.read()

    assert (first, second, rest) == (b"one\n", b"two\n", b"")


def test_concurrent_writers_lose_no_update(server: str) -> None:
    """Clients that read, increment and write with the version that they read lose no update."""

    async def add(client: ApiClient) -> None:
        while True:
            live = await client.get(CONFIGMAPS, "counter", "default")
            count = str(int(live["data"]["n"]) + 1)
            try:
                await client.update(CONFIGMAPS, {**live, "data": {"n": count}})
            except Conflict:
                continue
            return

    async def scenario() -> str:
        async with ApiClient(server, "test") as client:
            await client.create(CONFIGMAPS, {"metadata": {"name": "counter"}, "data": {"n": "0"}}, "default")
            await asyncio.gather(*(add(client) for _ in range(8)))
            return str((await client.get(CONFIGMAPS, "counter", "default"))["data"]["n"])

    assert asyncio.run(scenario()) == "8"


def test_a_watch_reports_every_write(server: str) -> None:
    """During concurrent writes, a watch from a list's version reports each change once and in order."""

    async def scenario() -> tuple[list[str], list[str]]:
        async with ApiClient(server, "test") as client, asyncio.timeout(180):
            _, version = await client.list(CONFIGMAPS)
            seen: list[str] = []

            async def follow() -> None:
                async for kind, obj in client.watch(CONFIGMAPS, version):
                    seen.append(f"{kind} {key_of(obj)[1]} {obj['metadata']['resourceVersion']}")
                    if len(seen) == 60:
                        return

            task = asyncio.create_task(follow())
            for n in range(30):
                await client.create(CONFIGMAPS, {"metadata": {"name": f"c{n}"}}, "default")
                await client.delete(CONFIGMAPS, f"c{n}", "default")
            await task
            return seen, [f"{kind} c{n}" for n in range(30) for kind in ("ADDED", "DELETED")]

    seen, expected = asyncio.run(scenario())
    versions = [int(line.rpartition(" ")[2]) for line in seen]
    assert [line.rpartition(" ")[0] for line in seen] == expected
    assert versions == sorted(set(versions))


@pytest.mark.parametrize("resource", [PODS, DEPLOYMENTS, SERVICES], ids=lambda r: r.plural)
def test_every_list_can_be_a_table(server: str, resource: Resource) -> None:
    """The list of each kind is returned as a table on request, even if it is empty."""
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"

    assert call(server, resource.collection(), Accept=accept)[1]["kind"] == "Table"


def test_a_stopped_server_ends_its_watches(tmp_path: Path) -> None:
    """Leaving the context ends open watches, and the server no longer answers."""
    settings = SimpleNamespace(block=SimpleNamespace(node_address="127.0.0.1"), logs=tmp_path, ingress="ingress-nginx")

    async def scenario() -> str:
        async with asyncio.timeout(180), serve(cast("NodeSettings", settings)) as url:
            reader, writer = await open_watch(url)
            await reader.readuntil(b"default")
        await reader.read()
        writer.close()
        return url

    url = asyncio.run(scenario())
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url + "/healthz", timeout=1)


def test_a_closed_connection_removes_its_watch(tmp_path: Path) -> None:
    """After a client closes its connection, no more changes are queued for its watch."""

    async def scenario() -> None:
        storage = Storage()
        async with asyncio.timeout(180), serve_at("127.0.0.1", tmp_path, storage) as url:
            reader, writer = await open_watch(url)
            await reader.readuntil(b"default")
            watchers = storage._store(NAMESPACES).watchers
            assert len(watchers) == 1
            writer.close()
            while watchers:  # noqa: ASYNC110 - a set has no event to wait for
                await asyncio.sleep(0.001)

    asyncio.run(scenario())


async def open_watch(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a raw connection with a watch of the namespaces."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET /api/v1/namespaces?watch=true HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    return reader, writer


@pytest.mark.processes
def test_the_server_imports_no_heavy_package() -> None:
    """Heavy packages would add a second to every trial."""
    heavy = ("kubernetes", "pandas", "numpy", "yaml", "pydantic", "gevent")
    code = f"import sys, {server_module.__name__}; print([name for name in {heavy} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert done.stdout.strip() == "[]"


def test_an_autoscaler_is_served_in_both_versions(server: str) -> None:
    """The target for CPU of version 1 is a metric in version 2; both name the same object."""
    path = "/apis/autoscaling/{}/namespaces/default/horizontalpodautoscalers"
    spec = {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "apple"}}
    body = {"metadata": {"name": "apple"}, "spec": {**spec, "targetCPUUtilizationPercentage": 80}}

    assert call(server, path.format("v1"), "POST", body)[0] == 201

    newer = call(server, path.format("v2") + "/apple")[1]
    assert newer["apiVersion"] == "autoscaling/v2"
    assert newer["spec"]["metrics"][0]["resource"]["target"] == {"type": "Utilization", "averageUtilization": 80}
    older = call(server, path.format("v1") + "/apple")[1]
    assert (older["apiVersion"], older["spec"]["targetCPUUtilizationPercentage"]) == ("autoscaling/v1", 80)
    assert older["metadata"]["uid"] == newer["metadata"]["uid"]


def test_a_client_may_do_everything_and_learns_who_it_is(server: str) -> None:
    """Reviews are answered, and not stored."""
    access = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    asked = {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}

    assert call(server, access, "POST", asked)[1]["status"]["allowed"] is True
    assert call(server, access, "POST", {})[0] == 400
    rules = call(server, "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", "POST", {"spec": {}})[1]
    assert rules["status"]["resourceRules"] == [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
    identity = call(server, "/apis/authentication.k8s.io/v1/selfsubjectreviews", "POST", {})[1]
    assert identity["status"]["userInfo"]["username"] == "system:anonymous"
    assert call(server, access)[0] == 404


def test_a_page_of_a_browser_gets_no_answer(server: str) -> None:
    """A page of another site, or of a name that leads to this address, could otherwise execute programs."""
    host = server.removeprefix("http://")
    assert call(server, "/version", Origin=server)[0] == 200
    assert call(server, "/version", Host=f"localhost:{host.rpartition(':')[2]}")[0] == 200
    for headers in ({"Origin": "http://page.example"}, {"Origin": "null"}, {"Host": "page.example"}):
        code, status = call(server, "/version", **headers)
        assert (code, status["reason"]) == (403, "Forbidden")
