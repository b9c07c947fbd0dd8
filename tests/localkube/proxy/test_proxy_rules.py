"""The endpoints to which kube-proxy sends new connections."""

from __future__ import annotations

from typing import Any

import pytest

from harness.localkube.proxy.rules import backends_of, port_map


def service(**spec: Any) -> dict[str, Any]:
    """Build a Service with one port."""
    return {
        "metadata": {"namespace": "n", "name": "s"},
        "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.1", "ports": [{"port": 80}], **spec},
    }


def endpoint(host: int, **conditions: bool) -> dict[str, Any]:
    """Build an endpoint at 127.9.1.``host``."""
    return {"addresses": [f"127.9.1.{host}"], "conditions": conditions}


def piece(*endpoints: dict[str, Any], port: str = "") -> dict[str, Any]:
    """Build a slice."""
    return {"endpoints": list(endpoints), "ports": [{"name": port, "port": 5678}]}


READY = {"ready": True, "serving": True, "terminating": False}
ENDING = {"ready": False, "serving": True, "terminating": True}
UNREADY = {"ready": False, "serving": False, "terminating": False}


def hosts(*endpoints: dict[str, Any]) -> list[str]:
    """Return the addresses that are programmed for a slice of these endpoints."""
    return [address for address, _ in backends_of(service(), [piece(*endpoints)]).addresses]


def test_only_ready_endpoints_are_used_if_there_are_any() -> None:
    """If one endpoint is ready, terminating and unready ones get no connections."""
    assert hosts(endpoint(1, **READY), endpoint(2, **ENDING), endpoint(3, **UNREADY)) == ["127.9.1.1"]


def test_terminating_endpoints_that_serve_are_the_fallback() -> None:
    """Without ready endpoints, terminating ones that still serve are used (KEP-1669)."""
    ended = endpoint(4, ready=False, serving=False, terminating=True)

    assert hosts(endpoint(2, **ENDING), endpoint(3, **UNREADY), ended) == ["127.9.1.2"]


def test_an_unready_endpoint_is_never_used() -> None:
    """A pod that does not serve gets no connections, even if it is the only one."""
    assert hosts(endpoint(3, **UNREADY)) == []


def test_absent_conditions_count_as_true() -> None:
    """The API defines this for ready and serving."""
    assert hosts(endpoint(1)) == ["127.9.1.1"]


def test_the_first_port_is_resolved_by_its_name() -> None:
    """It is resolved in each slice; a slice without that port has no backends."""
    named = service(ports=[{"name": "web", "port": 80}, {"name": "admin", "port": 81}])
    slices = [
        piece(endpoint(1, **READY), port="web"),
        piece(endpoint(2, **READY), port="admin"),
        piece(endpoint(3, **READY), port="web"),
    ]

    assert backends_of(named, slices).addresses == (("127.9.1.1", 5678), ("127.9.1.3", 5678))


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        ({"sessionAffinity": "ClientIP"}, "sessionAffinity"),
        ({"clusterIP": "None"}, "headless"),
        ({"ports": []}, "no port"),
        ({"type": "ExternalName"}, "no port"),
    ],
)
def test_an_unsupported_service_has_a_reason(spec: dict[str, Any], word: str) -> None:
    """Such a Service has no backends, and a reason for users."""
    found = backends_of(service(**spec), [piece(endpoint(1, **READY))])

    assert found.addresses == ()
    assert word in found.refusal


def test_a_selector_is_not_programmed() -> None:
    """kube-proxy ignores a change of the selector, but not of a port."""
    assert port_map(service(selector={"a": "1"})) == port_map(service(selector={"a": "2"}))
    assert port_map(service()) != port_map(service(ports=[{"port": 81}]))


def test_another_port_is_found_by_its_name() -> None:
    """The files of further ports have the same endpoints, with that port."""
    both = {"spec": {"ports": [{"name": "http", "port": 80}, {"name": "https", "port": 443}]}}
    piece = {
        "ports": [{"name": "https", "port": 8443}, {"name": "http", "port": 8080}],
        "endpoints": [{"addresses": ["127.1.1.1"]}],
    }

    assert backends_of(both, [piece]).addresses == (("127.1.1.1", 8080),)
    assert backends_of(both, [piece], "https").addresses == (("127.1.1.1", 8443),)
