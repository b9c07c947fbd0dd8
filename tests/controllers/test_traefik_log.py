"""Lines of Traefik's log become events, and its access log gets the common names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.controllers.traefik.log import LOG
from harness.kit.clock import Clock
from harness.kube.logs import LogLine
from harness.kube.stamps import Stamps
from harness.kube.traefik_log import TraefikLog, access_line, configured, is_access

#: Wall time 1000 s is monotonic time 10 s.
CLOCK = Clock(1000 * 10**9, 10 * 10**9)
STAMP = "1970-01-01T00:16:41.250000000Z"  # 1001.25 s: monotonic 11.25 s
SERVERS = {"loadBalancer": {"servers": [{"url": "http://10.0.0.6:5678"}, {"url": "http://10.0.0.5:5678"}]}}
HTTP = {"routers": {"a": {}, "b": {}}, "services": {"apple": SERVERS, "split": {"weighted": {}}}}


def compact(said: dict[str, Any]) -> str:
    """Return JSON as Traefik writes it, without spaces."""
    return json.dumps(said, separators=(",", ":"))


def received(**changed: Any) -> str:
    """Return a line about a received configuration."""
    said = {"level": "debug", "providerName": "kubernetes", "config": {"http": HTTP}, **changed}
    return compact({**said, "time": "1970-01-01T00:16:41Z", "message": "Configuration received"})


def access(**changed: Any) -> str:
    """Return an access log line of a GET that a server answered."""
    said = {
        "ClientAddr": "10.244.0.1:64495", "DownstreamContentSize": 9, "DownstreamStatus": 200, "Duration": 807293,
        "OriginDuration": 690008, "OriginStatus": 200, "RequestMethod": "GET", "RequestPath": "/apple",
        "RetryAttempts": 0, "RouterName": "x-fruit-apple@kubernetes", "ServiceAddr": "10.244.0.5:5678",
        "ServiceName": "x-apple-service-5678@kubernetes", "StartUTC": "1970-01-01T00:16:41.25Z", "level": "info",
        "msg": "", "request_X-Request-Id": "a-0-1", "time": "1970-01-01T00:16:41Z", **changed,
    }  # fmt: skip
    return compact({key: value for key, value in said.items() if value is not None})


BUILDS = compact({"level": "debug", "entryPointName": "web", "message": "Creating middleware"})
CERTIFIES = compact({"message": "No default certificate, fallback to the internal generated certificate"})
FACTS = {"provider": "kubernetes", "routers": 2, "servers": "10.0.0.5:5678,10.0.0.6:5678"}


def events_in(*lines: str) -> list[tuple[int, str]]:
    """Return (number of the line, name) of each event in a log."""
    log = TraefikLog()
    return [(number, what) for number, line in enumerate(lines) for what, _ in log.events_of(line)]


@pytest.mark.parametrize("config", [{"http": HTTP}, json.dumps({"http": HTTP})])
def test_configuration_is_an_event(config: object) -> None:
    """It has the provider and the servers, in both forms in which Traefik logs it."""
    events_of, stamps = LOG.reader(), Stamps(CLOCK, same_clock=True)
    assert list(events_of(LogLine("", received(config=config), 9 * 10**9), stamps)) == []
    [event] = events_of(LogLine(STAMP, BUILDS, 12 * 10**9), stamps)

    assert (event.what, event.at, event.exact_ns, event.detail) == ("configured", 11_250_000_000, 0, FACTS)


def test_configuration_counts_when_its_routers_are_built() -> None:
    """It does not count when it is received: without a certificate, Traefik first generates a key."""
    assert events_in(received(), "", BUILDS, BUILDS) == [(2, "configured")]
    assert events_in(CERTIFIES, received(), BUILDS, CERTIFIES, BUILDS) == [(3, "configured")]


def test_certificate_that_comes_with_the_first_configurations_is_awaited() -> None:
    """Only at the start can the certificate be missing. Later, built routers alone count."""
    log = TraefikLog(certified=True)

    assert [len(log.events_of(line)) for line in (CERTIFIES, received(), BUILDS)] == [0, 0, 1]


def test_an_unchanged_configuration_has_no_event() -> None:
    """A change that was undone within the throttle's time never reaches the routers."""
    other = received(config={"http": {}})

    assert events_in(received(), BUILDS, received(), BUILDS) == [(1, "configured")]
    assert events_in(received(), BUILDS, other, BUILDS, received(), BUILDS) == [(n, "configured") for n in (1, 3, 5)]


def test_each_provider_has_its_own_configuration() -> None:
    """Configurations of Ingresses and of custom kinds may take effect at once."""
    log = TraefikLog()
    for line in (received(), received(providerName="kubernetescrd", config={}), received(providerName="internal")):
        assert log.events_of(line) == []

    assert [facts["provider"] for _, facts in log.events_of(BUILDS)] == ["kubernetes", "kubernetescrd"]


def test_server_that_is_fenced_gets_no_new_requests() -> None:
    """A terminating endpoint stays in the configuration, for its existing sessions."""
    servers = {
        "loadBalancer": {"servers": [{"url": "http://10.0.0.5:1", "fenced": True}, {"url": "http://10.0.0.6:1"}]}
    }

    assert configured("kubernetes", {"http": {"services": {"apple": servers}}}) == {
        "provider": "kubernetes", "routers": 0, "servers": "10.0.0.6:1", "fenced": "10.0.0.5:1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "events"), [("v1.Ingress", [(0, "sync")]), ("v1alpha1.IngressRoute", [(0, "sync")]), ("v1.Node", [])]
)
def test_an_edit_without_effect_is_a_sync(kind: str, events: list[tuple[int, str]]) -> None:
    """An annotation of another controller changes no router. Other kinds are ignored."""
    assert events_in(compact({"message": f"Skipping Kubernetes event kind *{kind}"})) == events


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
    """Other lines have no event, and a request can't forge one."""
    assert events_in(text, access(RequestPath="/?" + BUILDS), BUILDS) == []


def test_access_lines_are_recognised_by_prefix() -> None:
    """Both logs are in one stream."""
    assert is_access(access())
    assert not is_access(received())


def test_access_has_the_common_names() -> None:
    """Attempt, server and status have the common names, and the time is the end. Traefik's fields follow."""
    said = json.loads(access_line(access()))

    assert {name: said[name] for name in list(said)[:13]} == {
        "time": 1001.251, "attempt": "a-0-1", "method": "GET", "uri": "/apple", "status": 200,
        "upstream_addr": "10.244.0.5:5678", "upstream_status": "200", "upstream_response_time": "0.00069",
        "request_time": 0.000807, "bytes_sent": 9, "retries": 0, "router": "x-fruit-apple@kubernetes",
        "backend": "x-apple-service-5678@kubernetes",
    }  # fmt: skip
    assert said["ClientAddr"] == "10.244.0.1:64495"


def test_request_without_a_route_has_no_server() -> None:
    """A 404 by Traefik itself has no router, server or upstream status."""
    gone = dict.fromkeys(("RouterName", "ServiceAddr", "ServiceName", "OriginStatus", "request_X-Request-Id"))
    said = json.loads(access_line(access(DownstreamStatus=404, OriginDuration=0, **gone)))

    assert (said["status"], said["upstream_addr"], said["upstream_status"], said["backend"]) == (404, "", "", "")
    assert said["attempt"] == ""


def test_a_line_that_was_cut_off_is_kept_as_it_is() -> None:
    """One damaged line does not lose the rest of the log."""
    assert json.loads(access_line(access()[:40] + "\n")) == {"unreadable": access()[:40]}
