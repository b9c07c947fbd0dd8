"""Paths, bodies and output forms of requests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.localkube.api.columns import human_duration, pod_reason
from harness.localkube.api.errors import StatusError
from harness.localkube.api.requests import RequestInfo, parse_body, parse_path
from harness.localkube.api.tables import table
from harness.localkube.api.views import View
from harness.localkube.machinery.objects import timestamp
from harness.localkube.machinery.resources import (
    DEPLOYMENTS,
    EVENTS,
    INGRESSES,
    NAMESPACES,
    PODS,
    RESOURCES,
    SERVICES,
)


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/api/v1/pods", RequestInfo(PODS)),
        ("/api/v1/namespaces", RequestInfo(NAMESPACES)),
        ("/api/v1/namespaces/x", RequestInfo(NAMESPACES, None, "x")),
        ("/api/v1/namespaces/x/finalize", RequestInfo(NAMESPACES, None, "x", "finalize")),
        ("/api/v1/namespaces/x/pods", RequestInfo(PODS, "x")),
        ("/api/v1/namespaces/x/pods/p/log", RequestInfo(PODS, "x", "p", "log")),
        ("/apis/apps/v1/namespaces/x/deployments/d/scale", RequestInfo(DEPLOYMENTS, "x", "d", "scale")),
    ],
)
def test_paths_are_parsed(path: str, target: RequestInfo) -> None:
    """A path identifies a resource, a namespace, an object and a subresource."""
    assert parse_path(path) == target


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: r.qualified)
def test_clients_and_server_agree_on_paths(resource: Any) -> None:
    """The path that a resource builds for an object is parsed as that object."""
    namespace = "x" if resource.namespaced else None
    for subresource in ("", *resource.subresources):
        path = resource.path("name", namespace, subresource)
        assert parse_path(path) == RequestInfo(resource, namespace, "name", subresource)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/", 404),
        ("/api/v2/pods", 404),
        ("/apis/apps/v1", 404),
        ("/apis/apps/v1beta1/deployments", 404),
        ("/api/v1/pods/p", 404),
        ("/api/v1/namespaces/x/nodes/n", 404),
        ("/api/v1/namespaces/x/nodes", 404),
        ("/api/v1/namespaces/x/services/s/scale", 404),
        ("/api/v1/namespaces/x/pods/p/log/more", 404),
        ("/api/v1/namespaces/x/pods/p/attach", 501),
        ("/api/v1/namespaces/x/serviceaccounts/s/tokens", 404),
    ],
)
def test_unknown_paths_are_errors(path: str, code: int) -> None:
    """All other paths are errors."""
    with pytest.raises(StatusError) as caught:
        parse_path(path)
    assert caught.value.code == code


def test_bodies_are_parsed() -> None:
    """JSON and YAML are parsed; a damaged body and other formats are rejected."""
    assert parse_body(b'{"a": 1}', "application/json") == {"a": 1}
    assert parse_body(b"a: 1", "application/apply-patch+yaml") == {"a": 1}
    for raw, kind, code in (
        (b"x", "application/cbor", 415),
        (b"x", "application/vnd.kubernetes.protobuf", 415),
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"a: [", "application/yaml", 400),
    ):
        with pytest.raises(StatusError) as caught:
            parse_body(raw, kind)
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("application/json", "object"),
        ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", "table"),
        ("application/json, application/json;as=Table;v=v1;g=meta.k8s.io", "object"),
        ("application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;v=v1;g=meta.k8s.io", "partial"),
        ("application/vnd.kubernetes.protobuf,application/json", "object"),
        ("", "object"),
    ],
)
def test_the_first_supported_form_applies(accept: str, form: str) -> None:
    """The response has the first supported form that the client accepts."""
    assert View.parse(accept, {}).form == form


def pod(**status: Any) -> dict[str, Any]:
    """Build a pod with a status."""
    made = timestamp(datetime.now(UTC) - timedelta(seconds=65))
    metadata = {"name": "p", "creationTimestamp": made, "resourceVersion": "7"}
    return {"kind": "Pod", "metadata": metadata, "spec": {"containers": [{"name": "c"}]}, "status": status}


def test_a_pods_row_shows_its_state() -> None:
    """The row shows ready containers, state and age; the other columns belong to the wide form."""
    ready = pod(phase="Running", podIP="127.1.1.1", containerStatuses=[{"name": "c", "ready": True, "restartCount": 2}])

    shown = table(PODS, [ready], "9", "Metadata", headed=True)

    assert [c["name"] for c in shown["columnDefinitions"] if not c["priority"]] == [
        "Name",
        "Ready",
        "Status",
        "Restarts",
        "Age",
    ]
    assert shown["rows"][0]["cells"][:4] == ["p", "1/1", "Running", "2"]
    assert shown["rows"][0]["cells"][4] in {"65s", "66s"}
    assert shown["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    assert table(PODS, [ready], "9", "None", headed=False)["columnDefinitions"] == []


def test_the_state_of_a_pod_shows_problems_first() -> None:
    """A container's problem precedes the pod's phase, and a deletion precedes both."""
    waiting = pod(phase="Pending", containerStatuses=[{"state": {"waiting": {"reason": "ErrImagePull"}}}])
    ended = pod(phase="Failed", containerStatuses=[{"state": {"terminated": {"exitCode": 137}}}])
    assert [pod_reason(p) for p in (pod(phase="Running"), waiting, ended)] == [
        "Running",
        "ErrImagePull",
        "ExitCode:137",
    ]
    waiting["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert pod_reason(waiting) == "Terminating"


def test_rows_have_a_cell_per_column() -> None:
    """Every layout fills exactly its columns."""
    template = {"spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": 1, "template": template, "containers": [], "type": "ClusterIP"}
    for resource in RESOURCES:
        obj = {"metadata": {"name": "x"}, "spec": spec, "addressType": "IPv4"}
        shown = table(resource, [obj], "1", "Object", headed=True)
        assert len(shown["rows"][0]["cells"]) == len(shown["columnDefinitions"]), resource.kind


def test_rows_of_services_ingresses_and_events() -> None:
    """The rows of Services, Ingresses and Events show the usual columns."""
    port = {"port": 80, "nodePort": 30001, "protocol": "TCP"}
    service = {"metadata": {"name": "s"}, "spec": {"type": "NodePort", "clusterIP": "10.96.0.2", "ports": [port]}}
    ingress = {"metadata": {"name": "i"}, "spec": {"ingressClassName": "nginx", "rules": [{"host": "a.b"}, {}]}}
    event = {"metadata": {"name": "e"}, "type": "Normal", "reason": "Killing", "message": "bye\n"}
    event["involvedObject"] = {"kind": "Pod", "name": "p"}

    def cells(resource: Any, obj: Any) -> list[Any]:
        row: list[Any] = table(resource, [obj], "1", "None", headed=True)["rows"][0]["cells"]
        return row

    assert cells(SERVICES, service)[:5] == ["s", "NodePort", "10.96.0.2", "<none>", "80:30001/TCP"]
    assert cells(INGRESSES, ingress)[:5] == ["i", "nginx", "a.b", "", "80"]
    assert cells(EVENTS, event)[1:4] == ["Normal", "Killing", "pod/p"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0s"),
        (119, "119s"),
        (120, "2m"),
        (330, "5m30s"),
        (3600, "60m"),
        (3 * 3600 + 60, "3h1m"),
        (40 * 3600, "40h"),
        (50 * 3600, "2d2h"),
        (9 * 86400, "9d"),
    ],
)
def test_ages_have_at_most_two_units(seconds: int, text: str) -> None:
    """Ages are printed as kubectl does."""
    assert human_duration(seconds) == text


@given(st.integers(0, 10**8))
def test_ages_are_accurate(seconds: int) -> None:
    """A printed age is never more than the real one, and less by at most a small share."""
    number, total = "", 0
    for letter in human_duration(seconds):
        if letter.isdigit():
            number += letter
        else:
            total += int(number) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[letter]
            number = ""

    assert total <= seconds <= total * 1.125 + 1
