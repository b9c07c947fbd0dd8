"""Routes in an Experiment file: names, hosts, headers, sessions, and where they lead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.controllers.traefik.routes import rule_takes
from harness.experiment.objects import WorkloadObjects

if TYPE_CHECKING:
    from tests.experiment.experiment_bench import Bench

pytest_plugins = ("experiment_bench",)

PLAIN = "{path: /apple, answers: apple}"
CANARY = {
    "kind": "Ingress",
    "metadata": {
        "name": "private",
        "annotations": {
            "nginx.ingress.kubernetes.io/canary": "true",
            "nginx.ingress.kubernetes.io/canary-by-header": "X-Version",
            "nginx.ingress.kubernetes.io/canary-by-header-value": "b",
            "nginx.ingress.kubernetes.io/canary-by-cookie": "beta",
        },
    },
    "spec": {"rules": [{"http": {"paths": [{"path": "/", "backend": {"service": {"name": "new"}}}]}}]},
}
PUBLIC = {
    "kind": "Ingress",
    "metadata": {"name": "public"},
    "spec": {
        "rules": [
            {"http": {"paths": [{"path": "/", "backend": {"service": {"name": "old"}}}]}},
            {"host": "b.test", "http": {"paths": [{"path": "/", "backend": {"service": {"name": "of-host"}}}]}},
        ]
    },
}
ROUTE = {
    "kind": "IngressRoute",
    "spec": {
        "routes": [
            {"match": "PathPrefix(`/`)", "services": [{"name": "low"}], "priority": 1},
            {
                "match": "Path(`/x`) && Header(`X-Version`, `b`)",
                "services": [{"name": "split", "kind": "TraefikService"}],
            },
        ]
    },
}
SPLIT = {
    "kind": "TraefikService",
    "metadata": {"name": "split"},
    "spec": {"weighted": {"services": [{"name": "first"}, {"name": "second"}]}},
}


def test_a_route_is_read_with_all_that_it_asks(bench: Bench) -> None:
    """Every setting of a path is in the plan; names distinguish two routes of one path."""
    asks = "name: b, host: 'b.test:80', headers: {X-Version: b}, cookie: who, sessions: 5"
    bench.edit("small.yaml", f"[{PLAIN}]", f"[{PLAIN}, {{path: /apple, answers: apple, {asks}}}]")
    bench.edit("small.yaml", "pool: {size: 10}", "pool: {size: 5}")

    plain, route = bench.load().traffic.routes

    assert (plain.key, plain.host, plain.headers, plain.sessions) == ("/apple", "", (), 0)
    assert (route.key, route.path, route.host) == ("b", "/apple", "b.test:80")
    assert (route.headers, route.cookie, route.sessions) == ((("X-Version", "b"),), "who", 5)


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("headers: {Host: x}", "write host: next to path:"),
        ("headers: {x-request-id: x}", "client's own"),
        ("headers: {Content-Length: '4'}", "client's own"),
        ("headers: {Connection: close}", "client's own"),
        ("headers: {'X Version': b}", "can't be the name of a header"),
        ("headers: {X-Version: ''}", "can't be the value"),
        ('headers: {X-Version: "a\\r\\nX-More: b"}', "can't be the value"),
        ("headers: {X-A: a, x-a: b}", "here twice"),
        ("cookie: who", "sessions is missing"),
        ("sessions: 3", "cookie is missing"),
        ("cookie: 'a b', sessions: 3", "can't be the name of a cookie"),
        ("cookie: who, sessions: 0", "greater than or equal to 1"),
        ("cookie: who, sessions: 3, headers: {Cookie: a=b}", "no other"),
        ("host: 'a b'", "the name of a host"),
        ("name: a--b", "letters and digits"),
        ("host: other.test", "no rule of the workload routes /apple for host other.test"),
    ],
)
def test_routes_that_are_refused(bench: Bench, said: str, word: str) -> None:
    """A header or session that cannot be sent, or is given twice, is refused on its line."""
    if "other.test" in said:
        bench.edit("apps.yaml", "- http:", "- host: shop.test\n      http:")
        bench.edit("small.yaml", "rate: 100/s", "rate: 100/s\n  host: shop.test")
    bench.edit("small.yaml", PLAIN, f"{{path: /apple, answers: apple, {said}}}")

    problems = bench.problems()

    assert len(problems) == 1
    assert word in f"{problems[0].message} {problems[0].hint}"


@pytest.mark.parametrize(
    ("path", "host", "headers", "service"),
    [
        ("/", "", (), "old"),
        ("/", "a.test", (), "old"),
        ("/", "", (("x-version", "b"),), "new"),
        ("/", "", (("X-Version", "c"),), "old"),
        ("/", "", (("X-Version", "never"), ("Cookie", "beta=always")), "old"),
        ("/", "", (("Cookie", "a=b; beta=always"),), "new"),
        ("/", "", (("Cookie", "beta=1"),), "old"),
    ],
)
def test_canaries_of_ingress_nginx(path: str, host: str, headers: tuple[tuple[str, str], ...], service: str) -> None:
    """A canary gets requests with its header or cookie, and no others."""
    assert WorkloadObjects([CANARY, PUBLIC]).service_at(path, host, headers) == service


@pytest.mark.parametrize(
    ("host", "service"),
    [("shop.test", "shop"), ("a.test", "shop"), ("x.b.test", "shop"), ("b.test", None), ("", None)],
)
def test_a_further_host_of_an_ingress_is_routed(host: str, service: str | None) -> None:
    """The annotation ``server-alias`` adds hosts to each rule that has one."""
    annotations = {"nginx.ingress.kubernetes.io/server-alias": "a.test, *.b.test"}
    paths = [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "shop", "port": {"number": 80}}}}]
    ingress = {
        "kind": "Ingress",
        "metadata": {"name": "shop", "annotations": annotations},
        "spec": {"rules": [{"host": "shop.test", "http": {"paths": paths}}]},
    }

    assert WorkloadObjects([ingress]).service_at("/", host) == service


def test_routes_of_traefik() -> None:
    """The longest rule wins unless priorities differ; a weighted service counts as its first."""
    objects = WorkloadObjects([ROUTE, SPLIT, PUBLIC])

    assert objects.service_at("/x?y", "", (("x-version", "b"),)) == "first"
    assert objects.service_at("/x", "", ()) == "low"


@pytest.mark.parametrize(
    ("spec", "service"),
    [
        ({"weighted": {"services": [{"name": "inner", "kind": "TraefikService"}, {"name": "second"}]}}, "deep"),
        ({"mirroring": {"name": "main", "mirrors": [{"name": "shadow", "percent": 50}]}}, "main"),
        ({"mirroring": {"name": "inner", "kind": "TraefikService", "mirrors": []}}, "deep"),
        ({"highestRandomWeight": {"services": [{"name": "one"}, {"name": "two"}]}}, "one"),
        ({"failover": {"service": {"name": "main"}, "fallback": {"name": "spare"}}}, "main"),
        ({"weighted": {"services": [{"name": "split", "kind": "TraefikService"}]}}, None),
        ({}, None),
    ],
    ids=["nested", "mirrored", "nested-mirror", "hashed", "failover", "circle", "empty"],
)
def test_every_kind_of_traefik_service_leads_to_a_service(spec: dict[str, Any], service: str | None) -> None:
    """It is the one that answers; one in a circle leads nowhere."""
    inner = {
        "kind": "TraefikService",
        "metadata": {"name": "inner"},
        "spec": {"weighted": {"services": [{"name": "deep"}]}},
    }
    objects = WorkloadObjects([ROUTE, {**SPLIT, "spec": spec}, inner])

    assert objects.service_at("/x", "", (("X-Version", "b"),)) == service


@pytest.mark.parametrize(
    ("rule", "takes"),
    [
        ("Host(`b.test`)", True),
        ("Host(`a.test`) || Path(`/x`)", True),
        ('Host("b.test") && PathPrefix(`/y`)', False),
        ("Header(`X-Version`, `b`)", True),
        ("Header(`X-Version`)", False),
        ("!Path(`/y`)", False),
        ("HeaderRegexp(`X-Version`, `.`)", False),
    ],
)
def test_rules_of_traefik(rule: str, *, takes: bool) -> None:
    """A rule matches by the parts that are understood; another one matches nothing."""
    assert rule_takes(rule, "/x", "b.test:80", (("X-Version", "b"),)) is takes


def test_a_path_is_accepted_if_a_rule_is_not_understood(bench: Bench) -> None:
    """If a rule is not understood, a path without a rule is accepted."""
    bench.edit("apps.yaml", "path: /apple", "path: /other")
    bench.edit("small.yaml", "workload: apps.yaml", "workload: apps.yaml\ningress: traefik")
    unread = "---\napiVersion: traefik.io/v1alpha1\nkind: IngressRoute\nmetadata: {name: r}\nspec:\n  routes:\n"
    with (bench.path.parent / "apps.yaml").open("a") as file:
        file.write(
            unread + "    - {kind: Rule, match: 'PathRegexp(`^/a`)', services: [{name: apple-service, port: 5678}]}\n"
        )

    assert bench.problems() == []


def rule(path: str, service: str, host: str = "", kind: str = "Prefix") -> dict[str, Any]:
    """Return a rule of an Ingress."""
    backend = {"service": {"name": service, "port": {"number": 80}}}
    made = {"http": {"paths": [{"path": path, "pathType": kind, "backend": backend}]}}
    return {"host": host, **made} if host else made


@pytest.mark.parametrize(
    ("path", "host", "expected"),
    [
        ("/", "shop.example", "front"),
        ("/api/v1", "shop.example", "api"),
        ("/api/v2/x", "shop.example", "second"),
        ("/api", "shop.example", "exact"),
        ("/", "www.shop.example", "any-label"),
        ("/", "else.example", "default"),
    ],
)
def test_the_rule_with_the_longest_path_takes_a_request(path: str, host: str, expected: str) -> None:
    """Whatever the order of the rules; an exact host comes before a wildcard, and both before none."""
    rules = [
        rule("/", "default"),
        rule("/", "any-label", "*.shop.example"),
        rule("/", "front", "shop.example"),
        rule("/api", "api", "shop.example"),
        rule("/api/v2", "second", "shop.example"),
        rule("/api", "exact", "shop.example", "Exact"),
    ]
    ingress = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "a"}, "spec": {}}

    for order in (rules, rules[::-1]):
        objects = WorkloadObjects([{**ingress, "spec": {"rules": order}}])

        assert objects.service_at(path, host) == expected
