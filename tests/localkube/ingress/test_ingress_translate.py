"""From Kubernetes objects to what nginx is told: each rule of ingress-nginx by an example."""

from __future__ import annotations

from typing import Any

import pytest

from harness.localkube.ingress.annotations import PREFIX, balancing_of, settings_of
from harness.localkube.ingress.ingress_class import is_ours
from harness.localkube.ingress.model import (
    ANY_HOST,
    Backend,
    Balancing,
    LocationSettings,
    NginxConfiguration,
)
from harness.localkube.ingress.translate import Snapshot, configuration_of

OWN_CLASS = {"metadata": {"name": "nginx"}, "spec": {"controller": "k8s.io/ingress-nginx"}}


def path(text: str, service: str = "apple", kind: str = "Prefix", port: int | str = 80) -> dict[str, Any]:
    """One path of a rule."""
    number = {"name": port} if isinstance(port, str) else {"number": port}
    return {"path": text, "pathType": kind, "backend": {"service": {"name": service, "port": number}}}


def ingress(*paths: dict[str, Any], host: str = "", name: str = "fruit", **annotations: str) -> dict[str, Any]:
    """An Ingress with one rule."""
    notes = {PREFIX + key.replace("_", "-"): value for key, value in annotations.items()}
    rule = {"http": {"paths": list(paths)}} | ({"host": host} if host else {})
    return {
        "metadata": {"name": name, "namespace": "default", "annotations": notes, "creationTimestamp": "2030"},
        "spec": {"ingressClassName": "nginx", "rules": [rule]},
    }


def service(name: str = "apple", *ports: dict[str, Any]) -> dict[str, Any]:
    """A Service."""
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"ports": list(ports) or [{"port": 80}]}}


def endpoints(*pods: tuple[str, dict[str, bool]], name: str = "apple", port_name: str = "") -> dict[str, Any]:
    """An EndpointSlice with port 5678."""
    return {
        "metadata": {"name": f"{name}-x", "namespace": "default", "labels": {"kubernetes.io/service-name": name}},
        "ports": [{"name": port_name, "port": 5678}],
        "endpoints": [{"addresses": [address], "conditions": conditions} for address, conditions in pods],
    }


def told(*ingresses: dict[str, Any], services: Any = (), slices: Any = ()) -> NginxConfiguration:
    """What nginx is told for these."""
    return configuration_of(Snapshot(ingresses, [OWN_CLASS], services, slices))


def locations(configuration: NginxConfiguration, host: str = ANY_HOST) -> list[tuple[str, str, str]]:
    """(match, path, service) of a host's locations."""
    (server,) = (server for server in configuration.servers if server.host == host)
    return [(location.match.value, location.path, location.service) for location in server.locations]


def test_only_ready_endpoints_take_traffic() -> None:
    """A pod that is not ready is left out, a terminating one that still serves too; no condition counts as ready."""
    piece = endpoints(
        ("127.1.1.1", {"ready": True, "serving": True, "terminating": False}),
        ("127.1.1.2", {"ready": False, "serving": True, "terminating": True}),
        ("127.1.1.3", {"ready": False}),
        ("127.1.1.4", {}),
    )

    configuration = told(ingress(path("/apple")), services=[service()], slices=[piece])

    assert configuration.backends == {"default-apple-80": Backend(("127.1.1.1:5678", "127.1.1.4:5678"))}


def test_a_service_that_is_not_there_has_no_endpoints() -> None:
    """An Ingress may come before its Service: the location is there, its backend is empty."""
    configuration = told(ingress(path("/apple")))

    assert configuration.backends == {"default-apple-80": Backend()}
    assert ("exact", "/apple", "apple") in locations(configuration)


def test_ports_are_found_by_number_and_by_name() -> None:
    """The Service's port decides which port of the slice is meant, by its name."""
    web = service("apple", {"name": "web", "port": 80}, {"name": "admin", "port": 81})
    piece = endpoints(("127.1.1.1", {"ready": True}), port_name="web")

    for port, found in ((80, ("127.1.1.1:5678",)), ("web", ("127.1.1.1:5678",)), (81, ()), ("admin", ()), (99, ())):
        backends = told(ingress(path("/", port=port)), services=[web], slices=[piece]).backends
        assert backends == {f"default-apple-{port}": Backend(found)}


def test_endpoints_do_not_change_servers() -> None:
    """The same rules with other endpoints differ in backends alone: nothing to reload for."""
    rules = ingress(path("/apple"))
    before = told(rules, services=[service()], slices=[endpoints(("127.1.1.1", {"ready": True}))])
    after = told(rules, services=[service()], slices=[endpoints(("127.1.1.2", {"ready": True}))])

    assert before.servers == after.servers
    assert before.backends != after.backends


def test_prefix_ends_at_a_slash() -> None:
    """``/apple`` as Prefix is two locations, so that /applepie is not one of its paths."""
    assert locations(told(ingress(path("/apple")))) == [
        ("prefix", "/apple/", "apple"),
        ("exact", "/apple", "apple"),
        ("prefix", "/", ""),
    ]


def test_exact_goes_before_prefix() -> None:
    """The same path as Exact and as Prefix: each has its own backend."""
    found = locations(told(ingress(path("/a", "one", "Exact"), path("/a", "two", "Prefix"))))

    assert ("exact", "/a", "one") in found
    assert ("prefix", "/a/", "two") in found
    assert ("exact", "/a", "two") not in found


def test_a_rewrite_makes_all_paths_of_a_host_expressions() -> None:
    """As in ingress-nginx, one rewrite turns the host's paths into expressions, the longest first."""
    found = locations(
        told(ingress(path("/a"), rewrite_target="/"), ingress(path("/apple", "long"), name="other")),
    )

    assert found == [("regex", "/apple", "long"), ("regex", "/a", "apple"), ("prefix", "/", "")]


def test_hosts_are_apart() -> None:
    """A rule with a host is for that host; others get "no such page"."""
    configuration = told(ingress(path("/", kind="ImplementationSpecific"), host="a.example"))

    assert locations(configuration, "a.example") == [("prefix", "/", "apple")]
    assert locations(configuration) == [("prefix", "/", "")]


def test_the_default_backend_takes_the_rest() -> None:
    """Without rules it serves every request; with rules, what they leave."""
    alone, beside = ingress(), ingress(path("/apple"), host="a.example")
    alone["spec"]["rules"] = []
    for each in (alone, beside):
        each["spec"]["defaultBackend"] = {"service": {"name": "rest", "port": {"number": 80}}}

    assert locations(told(alone)) == [("prefix", "/", "rest")]
    assert locations(told(beside), "a.example")[-1] == ("prefix", "/", "rest")


def test_the_older_ingress_wins() -> None:
    """Two Ingresses with one host and path: the older one's backend counts."""
    old, new = ingress(path("/", "old"), name="z"), ingress(path("/", "new"), name="a")
    old["metadata"]["creationTimestamp"] = "2029"

    assert locations(told(new, old)) == [("prefix", "/", "old")]


@pytest.mark.parametrize("text", ['/a"; return 200; #', "/a\nreturn", "/a\\", "apple"])
def test_a_path_never_leaves_its_quotes(text: str) -> None:
    """A path that would end the word it is written in is not served at all."""
    assert locations(told(ingress(path(text)))) == [("prefix", "/", "")]


def test_a_host_that_is_none_is_not_served() -> None:
    """A host that is no DNS name is left out."""
    assert [server.host for server in told(ingress(path("/"), host="a;b")).servers] == [ANY_HOST]


@pytest.mark.parametrize(
    ("spec", "annotations", "ours"),
    [
        ({"ingressClassName": "nginx"}, {}, True),
        ({"ingressClassName": "traefik"}, {}, False),
        ({"ingressClassName": "mine"}, {}, True),
        ({}, {}, True),
        ({}, {"kubernetes.io/ingress.class": "nginx"}, True),
        ({}, {"kubernetes.io/ingress.class": "traefik"}, False),
    ],
)
def test_which_ingresses_are_ours(spec: dict[str, Any], annotations: dict[str, str], *, ours: bool) -> None:
    """By class name, by a class of our controller, by the old annotation; one without a class is taken."""
    mine = {"metadata": {"name": "mine"}, "spec": {"controller": "k8s.io/ingress-nginx"}}
    foreign = {"metadata": {"name": "traefik"}, "spec": {"controller": "traefik.io/ingress-controller"}}

    assert is_ours({"metadata": {"name": "i", "annotations": annotations}, "spec": spec}, [mine, foreign]) is ours


def test_annotations_set_what_they_name() -> None:
    """Each understood annotation ends in its setting."""
    found = settings_of(
        ingress(
            rewrite_target="/$2",
            use_regex="true",
            proxy_connect_timeout="1",
            proxy_read_timeout="2",
            proxy_send_timeout="3",
            proxy_next_upstream="error http_502",
            proxy_next_upstream_tries="1",
            proxy_body_size="8m",
        )
    )

    assert found == LocationSettings(
        rewrite_target="/$2",
        use_regex=True,
        connect_timeout=1,
        read_timeout=2,
        send_timeout=3,
        next_upstream="error http_502",
        next_upstream_tries=1,
        body_size="8m",
    )


@pytest.mark.parametrize("balancing", Balancing)
def test_an_annotation_says_how_a_backend_is_balanced(balancing: Balancing) -> None:
    """It goes with the backend alone: the servers, for which nginx would reload, stay the same."""
    plain, annotated = told(ingress(path("/apple"))), told(ingress(path("/apple"), load_balance=balancing.value))

    assert annotated.backends == {"default-apple-80": Backend((), balancing)}
    assert annotated.servers == plain.servers


def test_the_oldest_ingress_says_how_a_backend_is_balanced() -> None:
    """Two Ingresses name one backend: as in ingress-nginx it is made from the older one, also if that says nothing."""
    plain, annotated = ingress(path("/a"), name="plain"), ingress(path("/b"), name="ewma", load_balance="ewma")
    for older, expected in ((plain, Balancing.ROUND_ROBIN), (annotated, Balancing.EWMA)):
        for each in (plain, annotated):
            each["metadata"]["creationTimestamp"] = "2029" if each is older else "2030"

        assert told(plain, annotated).backends == {"default-apple-80": Backend((), expected)}


@pytest.mark.parametrize("value", ["", "EWMA", "least_conn", "ewma; return 200"])
def test_an_unknown_algorithm_is_the_default(value: str) -> None:
    """What is not served here, or wrongly written, leaves round robin."""
    assert balancing_of(ingress(load_balance=value)) is Balancing.ROUND_ROBIN


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("proxy-read-timeout", "soon"),
        ("load-balance", "least_conn"),
        ("proxy-next-upstream", "error; return 200"),
        ("rewrite-target", "/ break; return 200"),
        ("proxy-body-size", "8m; x"),
        ("of-nobody", "x"),
    ],
)
def test_annotations_that_can_not_be_have_no_effect(name: str, value: str) -> None:
    """A wrong or unknown annotation leaves the configuration as it was, so there is nothing to reload for."""
    changed = ingress(path("/apple"))
    changed["metadata"]["annotations"] = {PREFIX + name: value, "example.com/other": "x"}

    assert told(changed) == told(ingress(path("/apple")))
