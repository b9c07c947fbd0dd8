"""Translation of Kubernetes objects to nginx's configuration: ingress-nginx's rules, one example each."""

from __future__ import annotations

from typing import Any

import pytest

from harness.localkube.ingress.annotation_names import PREFIX
from harness.localkube.ingress.annotations import balancing_of, settings_of
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
    """Build one path of a rule."""
    number = {"name": port} if isinstance(port, str) else {"number": port}
    return {"path": text, "pathType": kind, "backend": {"service": {"name": service, "port": number}}}


def ingress(*paths: dict[str, Any], host: str = "", name: str = "fruit", **annotations: str) -> dict[str, Any]:
    """Build an Ingress with one rule."""
    full = {PREFIX + key.replace("_", "-"): value for key, value in annotations.items()}
    rule = {"http": {"paths": list(paths)}} | ({"host": host} if host else {})
    return {
        "metadata": {"name": name, "namespace": "default", "annotations": full, "creationTimestamp": "2030"},
        "spec": {"ingressClassName": "nginx", "rules": [rule]},
    }


def service(name: str = "apple", *ports: dict[str, Any]) -> dict[str, Any]:
    """Build a Service."""
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"ports": list(ports) or [{"port": 80}]}}


def endpoints(*pods: tuple[str, dict[str, bool]], name: str = "apple", port_name: str = "") -> dict[str, Any]:
    """Build an EndpointSlice with port 5678."""
    return {
        "metadata": {"name": f"{name}-x", "namespace": "default", "labels": {"kubernetes.io/service-name": name}},
        "ports": [{"name": port_name, "port": 5678}],
        "endpoints": [{"addresses": [address], "conditions": conditions} for address, conditions in pods],
    }


def configuration_for(*ingresses: dict[str, Any], services: Any = (), slices: Any = ()) -> NginxConfiguration:
    """Return nginx's configuration for these objects."""
    return configuration_of(Snapshot(ingresses, [OWN_CLASS], services, slices))


def locations(configuration: NginxConfiguration, host: str = ANY_HOST) -> list[tuple[str, str, str]]:
    """Return (match, path, service) of a host's locations."""
    (server,) = (server for server in configuration.servers if server.host == host)
    return [(location.match.value, location.path, location.service) for location in server.locations]


def test_only_ready_endpoints_get_requests() -> None:
    """Unready pods and terminating pods that still serve are omitted; an absent condition counts as ready."""
    piece = endpoints(
        ("127.1.1.1", {"ready": True, "serving": True, "terminating": False}),
        ("127.1.1.2", {"ready": False, "serving": True, "terminating": True}),
        ("127.1.1.3", {"ready": False}),
        ("127.1.1.4", {}),
    )

    configuration = configuration_for(ingress(path("/apple")), services=[service()], slices=[piece])

    assert configuration.backends == {"default-apple-80": Backend(("127.1.1.1:5678", "127.1.1.4:5678"))}
    assert configuration.empty == ()


def test_a_missing_service_has_no_endpoints() -> None:
    """An Ingress may be created before its Service: its location exists, and its backend is empty."""
    configuration = configuration_for(ingress(path("/apple")))

    assert configuration.backends == {"default-apple-80": Backend()}
    assert configuration.empty == ("default/apple",)
    assert ("exact", "/apple", "apple") in locations(configuration)


def test_ports_are_found_by_number_and_by_name() -> None:
    """The Service's port selects the port of the slice by its name."""
    web = service("apple", {"name": "web", "port": 80}, {"name": "admin", "port": 81})
    piece = endpoints(("127.1.1.1", {"ready": True}), port_name="web")

    for port, found in ((80, ("127.1.1.1:5678",)), ("web", ("127.1.1.1:5678",)), (81, ()), ("admin", ()), (99, ())):
        backends = configuration_for(ingress(path("/", port=port)), services=[web], slices=[piece]).backends
        assert backends == {f"default-apple-{port}": Backend(found)}


def test_new_endpoints_do_not_change_servers() -> None:
    """The same rules with other endpoints differ only in backends, so nothing is reloaded."""
    rules = ingress(path("/apple"))
    before = configuration_for(rules, services=[service()], slices=[endpoints(("127.1.1.1", {"ready": True}))])
    after = configuration_for(rules, services=[service()], slices=[endpoints(("127.1.1.2", {"ready": True}))])

    assert before.servers == after.servers
    assert before.backends != after.backends


def test_prefix_ends_at_a_slash() -> None:
    """``/apple`` with path type Prefix becomes two locations, so that /applepie does not match."""
    assert locations(configuration_for(ingress(path("/apple")))) == [
        ("prefix", "/apple/", "apple"),
        ("exact", "/apple", "apple"),
        ("prefix", "/", ""),
    ]


def test_exact_and_prefix_of_one_path_have_their_own_backends() -> None:
    """The same path with the types Exact and Prefix has two backends."""
    found = locations(configuration_for(ingress(path("/a", "one", "Exact"), path("/a", "two", "Prefix"))))

    assert ("exact", "/a", "one") in found
    assert ("prefix", "/a/", "two") in found
    assert ("exact", "/a", "two") not in found


def test_a_rewrite_turns_all_paths_of_a_host_into_expressions() -> None:
    """As in ingress-nginx, one rewrite turns all paths of the host into regular expressions, the longest first."""
    found = locations(
        configuration_for(ingress(path("/a"), rewrite_target="/"), ingress(path("/apple", "long"), name="other")),
    )

    assert found == [("regex", "/apple", "long"), ("regex", "/a", "apple"), ("prefix", "/", "")]


def test_a_rule_applies_only_to_its_host() -> None:
    """A rule with a host applies to that host; other hosts are answered with 404."""
    configuration = configuration_for(ingress(path("/", kind="ImplementationSpecific"), host="a.example"))

    assert locations(configuration, "a.example") == [("prefix", "/", "apple")]
    assert locations(configuration) == [("prefix", "/", "")]


def test_the_default_backend_gets_unmatched_requests() -> None:
    """Without rules it serves every request; with rules, those that match none."""
    alone, with_rules = ingress(), ingress(path("/apple"), host="a.example")
    alone["spec"]["rules"] = []
    for each in (alone, with_rules):
        each["spec"]["defaultBackend"] = {"service": {"name": "rest", "port": {"number": 80}}}

    assert locations(configuration_for(alone)) == [("prefix", "/", "rest")]
    assert locations(configuration_for(with_rules), "a.example")[-1] == ("prefix", "/", "rest")


def test_the_older_ingress_wins() -> None:
    """If two Ingresses have the same host and path, the older one's backend is served."""
    old, new = ingress(path("/", "old"), name="z"), ingress(path("/", "new"), name="a")
    old["metadata"]["creationTimestamp"] = "2029"

    assert locations(configuration_for(new, old)) == [("prefix", "/", "old")]


def test_of_two_ingresses_of_one_second_the_last_by_name_wins() -> None:
    """A real controller, asked on kind, sorts those that are equally old by name, in descending order."""
    first, last = ingress(path("/", "one"), name="c"), ingress(path("/", "other"), name="i")

    assert locations(configuration_for(first, last)) == [("prefix", "/", "other")]


def test_a_service_that_appears_changes_servers() -> None:
    """ingress-nginx reloads nginx when the Service of a location is created or deleted."""
    without = configuration_for(ingress(path("/apple")))
    with_service = configuration_for(ingress(path("/apple")), services=[service()])

    assert without.servers != with_service.servers
    assert without.backends == with_service.backends


def test_a_default_backend_that_is_not_used_changes_no_server() -> None:
    """ingress-nginx does not reload for the annotation while the Ingress's own Service has endpoints."""
    pods, both = endpoints(("127.1.1.1", {"ready": True})), [service(), service("spare")]
    spare = endpoints(("127.1.1.2", {"ready": True}), name="spare")
    before = configuration_for(ingress(path("/apple")), services=both, slices=[pods, spare])
    after = configuration_for(ingress(path("/apple"), default_backend="spare"), services=both, slices=[pods, spare])

    assert before.servers == after.servers


@pytest.mark.parametrize("text", ['/a"; return 200; #', "/a\nreturn", "/a\\", "apple"])
def test_a_path_cannot_break_out_of_its_quotes(text: str) -> None:
    """A path that would end its quoted string is not served."""
    assert locations(configuration_for(ingress(path(text)))) == [("prefix", "/", "")]


def test_an_invalid_host_is_not_served() -> None:
    """A host that is not a DNS name is omitted."""
    assert [server.host for server in configuration_for(ingress(path("/"), host="a;b")).servers] == [ANY_HOST]


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
def test_an_ingress_is_ours_by_its_class(spec: dict[str, Any], annotations: dict[str, str], *, ours: bool) -> None:
    """The class name, a class of our controller or the old annotation decide; an Ingress without a class is ours."""
    mine = {"metadata": {"name": "mine"}, "spec": {"controller": "k8s.io/ingress-nginx"}}
    foreign = {"metadata": {"name": "traefik"}, "spec": {"controller": "traefik.io/ingress-controller"}}

    assert is_ours({"metadata": {"name": "i", "annotations": annotations}, "spec": spec}, [mine, foreign]) is ours


def test_annotations_are_parsed() -> None:
    """Each supported annotation sets its field."""
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
def test_an_annotation_selects_the_algorithm_of_a_backend(balancing: Balancing) -> None:
    """It changes only the backend; the servers, whose change would cause a reload, stay the same."""
    plain, annotated = (
        configuration_for(ingress(path("/apple"))),
        configuration_for(ingress(path("/apple"), load_balance=balancing.value)),
    )

    assert annotated.backends == {"default-apple-80": Backend((), balancing)}
    assert annotated.servers == plain.servers


def test_the_oldest_ingress_selects_the_algorithm_of_a_backend() -> None:
    """As in ingress-nginx, the older of two Ingresses defines a shared backend, even without an annotation."""
    plain, annotated = ingress(path("/a"), name="plain"), ingress(path("/b"), name="ewma", load_balance="ewma")
    for older, expected in ((plain, Balancing.ROUND_ROBIN), (annotated, Balancing.EWMA)):
        for each in (plain, annotated):
            each["metadata"]["creationTimestamp"] = "2029" if each is older else "2030"

        assert configuration_for(plain, annotated).backends == {"default-apple-80": Backend((), expected)}


@pytest.mark.parametrize("value", ["", "EWMA", "least_conn", "ewma; return 200"])
def test_an_unknown_algorithm_is_the_default(value: str) -> None:
    """An unsupported or misspelt algorithm means round robin."""
    assert balancing_of(ingress(load_balance=value)) is Balancing.ROUND_ROBIN


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("proxy-read-timeout", "soon"),
        ("load-balance", "least_conn"),
        ("proxy-next-upstream", "error; return 200"),
        ("rewrite-target", "/ break; return 200"),
        ("proxy-body-size", "8m; x"),
        ("unknown", "x"),
    ],
)
def test_invalid_annotations_have_no_effect(name: str, value: str) -> None:
    """An invalid or unknown annotation does not change the configuration, so nothing is reloaded."""
    changed = ingress(path("/apple"))
    changed["metadata"]["annotations"] = {PREFIX + name: value, "example.com/other": "x"}

    assert configuration_for(changed) == configuration_for(ingress(path("/apple")))


@pytest.mark.parametrize(
    ("name", "value", "reloads"),
    [
        ("proxy_buffer_size", "8k", True),
        ("proxy_buffer_size", "4k", False),
        ("enable_access_log", "false", True),
        ("cors_allow_origin", "http://other.test", True),
        ("auth_snippet", "deny all;", False),
    ],
)
def test_annotations_without_effect_are_part_of_a_location(name: str, value: str, *, reloads: bool) -> None:
    """They change no answer, but ingress-nginx reloads nginx for them, which closes idle connections."""
    before = configuration_for(ingress(path("/")))
    after = configuration_for(ingress(path("/"), **{name: value}))

    assert (before.servers != after.servers) is reloads
