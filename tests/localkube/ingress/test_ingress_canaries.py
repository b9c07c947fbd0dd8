"""Canary Ingresses and their main Ingresses: ingress-nginx's rules, one example each."""

from __future__ import annotations

from typing import Any

import pytest

from harness.localkube.ingress.annotation_names import PREFIX
from harness.localkube.ingress.annotations import affinity_of, canary_of
from harness.localkube.ingress.model import NginxConfiguration
from harness.localkube.ingress.traffic_shaping import Affinity, AffinityMode, TrafficShaping
from harness.localkube.ingress.translate import Snapshot, configuration_of


def ingress(name: str, service: str, path: str = "/apple", *, host: str = "", **annotations: str) -> dict[str, Any]:
    """Build an Ingress with one path to one Service; a smaller name is older."""
    entry = {"path": path, "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 80}}}}
    return {
        "metadata": {
            "name": name,
            "namespace": "default",
            "creationTimestamp": f"2026-01-01T00:00:{ord(name[0]) - ord('a'):02}Z",
            "annotations": {PREFIX + key.replace("_", "-"): value for key, value in annotations.items()},
        },
        "spec": {"rules": [{"http": {"paths": [entry]}} | ({"host": host} if host else {})]},
    }


def canary(name: str = "b", service: str = "new", path: str = "/apple", **annotations: str) -> dict[str, Any]:
    """Build a canary Ingress with a tenth of the requests."""
    return ingress(name, service, path, **({"canary": "true", "canary_weight": "10"} | annotations))


def configuration_for(*ingresses: dict[str, Any]) -> NginxConfiguration:
    """Return nginx's configuration for these Ingresses."""
    return configuration_of(Snapshot(ingresses, [], [], []))


def test_a_canary_is_an_alternative_of_its_main_backend() -> None:
    """It creates no location, so nginx.conf is unchanged, and its weight is sent to Lua."""
    main = ingress("a", "old")

    configuration = configuration_for(main, canary())

    assert configuration.servers == configuration_for(main).servers
    assert configuration.backends["default-old-80"].alternatives == ("default-new-80",)
    assert configuration.backends["default-new-80"].shaping == TrafficShaping(weight=10)


def test_another_weight_causes_no_reload() -> None:
    """A new weight changes only backends."""
    steps = [configuration_for(ingress("a", "old"), canary(canary_weight=str(weight))) for weight in (10, 50)]

    assert steps[0].servers == steps[1].servers
    assert steps[0].backends != steps[1].backends


@pytest.mark.parametrize(
    "unmatched",
    [canary(path="/banana"), canary(canary="false"), canary(service="old")],
    ids=["another path", "not enabled", "the main Service itself"],
)
def test_a_canary_without_a_main_path_gets_no_requests(unmatched: dict[str, Any]) -> None:
    """Host, path and path type must match a main Ingress, and the Service must be a different one."""
    backends = configuration_for(ingress("a", "old"), unmatched).backends

    assert backends["default-old-80"].alternatives == ()
    assert "default-new-80" not in backends


def test_a_canary_alone_serves_nothing() -> None:
    """Without a main Ingress there is no location, so its path is answered with 404."""
    configuration = configuration_for(canary())

    assert configuration.backends == {}
    assert [location.backend for server in configuration.servers for location in server.locations] == [""]


def test_an_unmatched_path_removes_the_canary_backend() -> None:
    """As in ingress-nginx, a second path without a main path removes the backend, and all requests go to main."""
    both = canary()
    both["spec"]["rules"][0]["http"]["paths"].append(canary(path="/banana")["spec"]["rules"][0]["http"]["paths"][0])

    assert "default-new-80" not in configuration_for(ingress("a", "old"), both).backends


def test_a_backend_first_named_by_a_canary_is_not_a_main_backend() -> None:
    """The oldest Ingress that names a Service defines its backend; a canary's backend has no location."""
    configuration = configuration_for(canary("a", "fruit"), ingress("b", "fruit"))

    assert [location.backend for server in configuration.servers for location in server.locations] == [""]


def test_a_canary_shares_the_sessions_of_its_main_ingress() -> None:
    """It does unless its own Ingress says ``legacy``; its own cookie annotations are ignored."""
    main = ingress("a", "old", affinity="cookie", session_cookie_name="visit")
    cookie = Affinity("visit", locations=("_/apple",))

    shared = configuration_for(main, canary()).backends
    left = configuration_for(main, canary(affinity="cookie", affinity_canary_behavior="legacy")).backends

    assert (shared["default-old-80"].affinity, shared["default-new-80"].affinity) == (cookie, cookie)
    assert (left["default-old-80"].affinity, left["default-new-80"].affinity) == (cookie, None)


def test_canary_annotations_are_parsed() -> None:
    """Each annotation sets its field; a total below 100 becomes 100, and invalid values are ignored."""
    full = canary(
        canary_weight="200", canary_weight_total="1000", canary_by_header="X-New", canary_by_header_value="yes",
        canary_by_header_pattern="^y", canary_by_cookie="new",
    )  # fmt: skip
    wrong = canary(canary_weight="many", canary_weight_total="10", canary_by_header="X;Y")

    assert canary_of(full) == TrafficShaping(200, 1000, "X-New", "yes", "^y", "new")
    assert canary_of(wrong) == TrafficShaping(weight=0, total=100)


def test_affinity_annotations_are_parsed() -> None:
    """A cookie without a name has ingress-nginx's default; without ``affinity`` the other annotations are ignored."""
    named = {"affinity_mode": "persistent", "session_cookie_max_age": "60", "session_cookie_change_on_failure": "true"}

    assert affinity_of(ingress("a", "old", affinity="cookie")) == Affinity("INGRESSCOOKIE")
    assert affinity_of(ingress("a", "old", affinity="cookie", **named)) == Affinity(
        mode=AffinityMode.PERSISTENT, max_age="60", change_on_failure=True
    )
    assert affinity_of(ingress("a", "old", **named)) is None
