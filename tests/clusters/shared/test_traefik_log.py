"""Traefik's own words become events, and its access log has the words of ingress-nginx's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.clusters.shared.stamps import Stamps
from harness.clusters.shared.traefik_log import access_line, configured, event_of, is_access
from harness.kit.clock import Clock
from harness.kube.logs import LogLine

#: Wall time 1000 s is monotonic time 10 s.
CLOCK = Clock(1000 * 10**9, 10 * 10**9)
STAMP = "1970-01-01T00:16:41.250000000Z"  # 1001.25 s: monotonic 11.25 s
SERVERS = {"loadBalancer": {"servers": [{"url": "http://10.0.0.6:5678"}, {"url": "http://10.0.0.5:5678"}]}}
HTTP = {"routers": {"a": {}, "b": {}}, "services": {"apple": SERVERS, "split": {"weighted": {}}}}


def compact(said: dict[str, Any]) -> str:
    """As Traefik writes it: without spaces."""
    return json.dumps(said, separators=(",", ":"))


def received(**changed: Any) -> str:
    """A line that tells of a configuration."""
    said = {"level": "debug", "providerName": "kubernetes", "config": {"http": HTTP}, **changed}
    return compact({**said, "time": "1970-01-01T00:16:41Z", "message": "Configuration received"})


def access(**changed: Any) -> str:
    """A line of the access log, of a GET that a server answered."""
    said = {
        "ClientAddr": "10.244.0.1:64495", "DownstreamContentSize": 9, "DownstreamStatus": 200, "Duration": 807293,
        "OriginDuration": 690008, "OriginStatus": 200, "RequestMethod": "GET", "RequestPath": "/apple",
        "RetryAttempts": 0, "RouterName": "x-fruit-apple@kubernetes", "ServiceAddr": "10.244.0.5:5678",
        "ServiceName": "x-apple-service-5678@kubernetes", "StartUTC": "1970-01-01T00:16:41.25Z", "level": "info",
        "msg": "", "request_X-Request-Id": "a-0-1", "time": "1970-01-01T00:16:41Z", **changed,
    }  # fmt: skip
    return compact({key: value for key, value in said.items() if value is not None})


@pytest.mark.parametrize("config", [{"http": HTTP}, json.dumps({"http": HTTP})])
def test_configuration_is_an_event(config: object) -> None:
    """When it was taken over, whose it is and which servers it names, however the log writes it."""
    event = event_of(LogLine(STAMP, received(config=config), 12 * 10**9), Stamps(CLOCK, same_clock=True))

    assert event is not None
    assert (event.what, event.at, event.exact_ns) == ("configured", 11_250_000_000, 0)
    assert event.detail == {"provider": "kubernetes", "routers": 2, "servers": "10.0.0.5:5678,10.0.0.6:5678"}


def test_configuration_without_routes_is_one_too() -> None:
    """The last endpoint of the last Service is gone: that is taken over as well."""
    assert configured(received(config={})) == {"provider": "kubernetes", "routers": 0, "servers": ""}


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"level":"debug","message":"Skipping unchanged configuration"}',
        "Configuration received",
        compact({"level": "info", "message": "Starting", "more": "Configuration received"}),
        access(RequestPath="/?Configuration received"),
    ],
)
def test_other_lines_are_no_events(text: str) -> None:
    """What says nothing of a configuration gives none, and a request can't forge one."""
    assert configured(text) is None


def test_access_lines_are_told_by_their_begin() -> None:
    """The two logs come by one stream."""
    assert is_access(access())
    assert not is_access(received())


def test_access_has_the_words_of_ingress_nginx() -> None:
    """Attempt, server and status are found by the same names, the time is that of the end; its own words follow."""
    said = json.loads(access_line(access()))

    assert {name: said[name] for name in list(said)[:13]} == {
        "time": 1001.251, "attempt": "a-0-1", "method": "GET", "uri": "/apple", "status": 200,
        "upstream_addr": "10.244.0.5:5678", "upstream_status": "200", "upstream_response_time": "0.00069",
        "request_time": 0.000807, "bytes_sent": 9, "retries": 0, "router": "x-fruit-apple@kubernetes",
        "backend": "x-apple-service-5678@kubernetes",
    }  # fmt: skip
    assert said["ClientAddr"] == "10.244.0.1:64495"


def test_request_without_a_route_has_no_server() -> None:
    """A 404 of Traefik's own: no router, no server, no status of one."""
    gone = dict.fromkeys(("RouterName", "ServiceAddr", "ServiceName", "OriginStatus", "request_X-Request-Id"))
    said = json.loads(access_line(access(DownstreamStatus=404, OriginDuration=0, **gone)))

    assert (said["status"], said["upstream_addr"], said["upstream_status"], said["backend"]) == (404, "", "", "")
    assert said["attempt"] == ""
