"""Canary Ingresses beside main ones: which backend gets which share, by ingress-nginx's rules, each by an example."""

from __future__ import annotations

from typing import Any

import pytest

from harness.localkube.ingress.annotations import PREFIX, affinity_of, canary_of
from harness.localkube.ingress.model import NginxConfiguration
from harness.localkube.ingress.traffic_shaping import Affinity, AffinityMode, TrafficShaping
from harness.localkube.ingress.translate import Snapshot, configuration_of


def ingress(name: str, service: str, path: str = "/apple", *, host: str = "", **annotations: str) -> dict[str, Any]:
    """An Ingress with one path to one Service; names are in the order of age."""
    entry = {"path": path, "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 80}}}}
    return {
        "metadata": {
            "name": name,
            "namespace": "default",
            "annotations": {PREFIX + key.replace("_", "-"): value for key, value in annotations.items()},
        },
        "spec": {"rules": [{"http": {"paths": [entry]}} | ({"host": host} if host else {})]},
    }


def canary(name: str = "b", service: str = "new", path: str = "/apple", **annotations: str) -> dict[str, Any]:
    """A canary Ingress with a tenth of the requests."""
    return ingress(name, service, path, **({"canary": "true", "canary_weight": "10"} | annotations))


def told(*ingresses: dict[str, Any]) -> NginxConfiguration:
    """What nginx is told for these."""
    return configuration_of(Snapshot(ingresses, [], [], []))


def test_a_canary_stands_beside_its_main_backend() -> None:
    """It makes no location: what nginx would reload for stays the same, and its weight goes to Lua."""
    main = ingress("a", "old")

    configuration = told(main, canary())

    assert configuration.servers == told(main).servers
    assert configuration.backends["default-old-80"].alternatives == ("default-new-80",)
    assert configuration.backends["default-new-80"].shaping == TrafficShaping(weight=10)


def test_another_weight_is_no_reload() -> None:
    """A step of a canary changes backends alone."""
    steps = [told(ingress("a", "old"), canary(canary_weight=str(weight))) for weight in (10, 50)]

    assert steps[0].servers == steps[1].servers
    assert steps[0].backends != steps[1].backends


@pytest.mark.parametrize(
    "lonely",
    [canary(path="/banana"), canary(canary="false"), canary(service="old")],
    ids=["another path", "not enabled", "the main Service itself"],
)
def test_without_a_main_path_a_canary_gets_nothing(lonely: dict[str, Any]) -> None:
    """Host, path and its kind must be a main Ingress's, and the Service another."""
    backends = told(ingress("a", "old"), lonely).backends

    assert backends["default-old-80"].alternatives == ()
    assert "default-new-80" not in backends


def test_a_canary_alone_serves_nothing() -> None:
    """No main Ingress, no location: its path is no page."""
    configuration = told(canary())

    assert configuration.backends == {}
    assert [location.backend for server in configuration.servers for location in server.locations] == [""]


def test_a_path_without_a_main_one_takes_the_backend_with_it() -> None:
    """As in ingress-nginx: a lonely second path deletes the backend, and all requests stay with main."""
    both = canary()
    both["spec"]["rules"][0]["http"]["paths"].append(canary(path="/banana")["spec"]["rules"][0]["http"]["paths"][0])

    assert "default-new-80" not in told(ingress("a", "old"), both).backends


def test_a_backend_that_a_canary_named_first_is_no_main_one() -> None:
    """The oldest Ingress that names a Service makes its backend; behind a canary's there is no location."""
    configuration = told(canary("a", "fruit"), ingress("b", "fruit"))

    assert [location.backend for server in configuration.servers for location in server.locations] == [""]


def test_a_canary_shares_its_main_ones_sessions() -> None:
    """Unless its own Ingress says ``legacy``; its own cookie annotations count for nothing."""
    main = ingress("a", "old", affinity="cookie", session_cookie_name="visit")
    cookie = Affinity("visit", locations=("_/apple",))

    shared = told(main, canary()).backends
    left = told(main, canary(affinity="cookie", affinity_canary_behavior="legacy")).backends

    assert (shared["default-old-80"].affinity, shared["default-new-80"].affinity) == (cookie, cookie)
    assert (left["default-old-80"].affinity, left["default-new-80"].affinity) == (cookie, None)


def test_canary_annotations_set_what_they_name() -> None:
    """Each ends in its setting; a total below 100 is 100, and what can't be is as if it were not there."""
    full = canary(
        canary_weight="200", canary_weight_total="1000", canary_by_header="X-New", canary_by_header_value="yes",
        canary_by_header_pattern="^y", canary_by_cookie="new",
    )  # fmt: skip
    wrong = canary(canary_weight="many", canary_weight_total="10", canary_by_header="X;Y")

    assert canary_of(full) == TrafficShaping(200, 1000, "X-New", "yes", "^y", "new")
    assert canary_of(wrong) == TrafficShaping(weight=0, total=100)


def test_affinity_annotations_set_what_they_name() -> None:
    """A cookie without a name has ingress-nginx's; without ``affinity`` the others mean nothing."""
    named = {"affinity_mode": "persistent", "session_cookie_max_age": "60", "session_cookie_change_on_failure": "true"}

    assert affinity_of(ingress("a", "old", affinity="cookie")) == Affinity("INGRESSCOOKIE")
    assert affinity_of(ingress("a", "old", affinity="cookie", **named)) == Affinity(
        mode=AffinityMode.PERSISTENT, max_age="60", change_on_failure=True
    )
    assert affinity_of(ingress("a", "old", **named)) is None
