"""Which endpoints kube-proxy gives new connections to, from Service and slices as the API has them."""

from __future__ import annotations

from typing import Any

import pytest

from harness.localkube.proxy.rules import backends_of, port_map


def service(**spec: Any) -> dict[str, Any]:
    """A Service with one port."""
    return {
        "metadata": {"namespace": "n", "name": "s"},
        "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.1", "ports": [{"port": 80}], **spec},
    }


def endpoint(host: int, **conditions: bool) -> dict[str, Any]:
    """An endpoint at 127.9.1.``host``."""
    return {"addresses": [f"127.9.1.{host}"], "conditions": conditions}


def piece(*endpoints: dict[str, Any], port: str = "") -> dict[str, Any]:
    """A slice."""
    return {"endpoints": list(endpoints), "ports": [{"name": port, "port": 5678}]}


READY = {"ready": True, "serving": True, "terminating": False}
ENDING = {"ready": False, "serving": True, "terminating": True}
UNREADY = {"ready": False, "serving": False, "terminating": False}


def hosts(*endpoints: dict[str, Any]) -> list[str]:
    """The addresses that are programmed for one slice of these."""
    return [address for address, _ in backends_of(service(), [piece(*endpoints)]).addresses]


def test_ready_ones_are_taken_and_no_others() -> None:
    """While anybody is ready, neither those that terminate nor those that are not ready yet get connections."""
    assert hosts(endpoint(1, **READY), endpoint(2, **ENDING), endpoint(3, **UNREADY)) == ["127.9.1.1"]


def test_terminating_ones_that_serve_are_the_last_resort() -> None:
    """Where nobody is ready, those that terminate and still serve get them (KEP-1669)."""
    ended = endpoint(4, ready=False, serving=False, terminating=True)

    assert hosts(endpoint(2, **ENDING), endpoint(3, **UNREADY), ended) == ["127.9.1.2"]


def test_one_that_is_not_ready_is_no_last_resort() -> None:
    """A pod that does not serve gets nothing, even if it is the only one."""
    assert hosts(endpoint(3, **UNREADY)) == []


def test_conditions_that_are_not_said_are_true() -> None:
    """As the API says of ready and serving."""
    assert hosts(endpoint(1)) == ["127.9.1.1"]


def test_the_first_port_is_looked_up_by_its_name() -> None:
    """In each slice, and in all of them together; a slice without that port has no backend."""
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
def test_what_is_not_carried_out_says_why(spec: dict[str, Any], word: str) -> None:
    """Such a Service has no backends, and words for people."""
    found = backends_of(service(**spec), [piece(endpoint(1, **READY))])

    assert found.addresses == ()
    assert word in found.refusal


def test_a_selector_is_not_programmed() -> None:
    """A change of the selector alone is none to kube-proxy; one of a port is."""
    assert port_map(service(selector={"a": "1"})) == port_map(service(selector={"a": "2"}))
    assert port_map(service()) != port_map(service(ports=[{"port": 81}]))
