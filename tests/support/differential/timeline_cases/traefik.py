"""Traefik's providers ``kubernetesIngress`` and ``kubernetesCRD``: what clients are answered while routes change.

The embedded cluster runs the real Traefik without the provider of the Gateway API, so there are no cases for that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from differential.observing import Object
from differential.running import HOST, Case, Step
from differential.timeline_cases import nginx
from differential.timeline_cases.parts import (
    ECHO_PORTS,
    A,
    B,
    Headers,
    answered,
    ask,
    complete,
    count,
    create,
    delete,
    deployment,
    echo,
    patch,
    pause,
    runs,
    service,
    two_versions,
    version,
)

GROUP = "traefik"
_PREFIX = "traefik.ingress.kubernetes.io/"
#: Seconds after which Traefik takes over the next configuration at once, and seconds of requests after a change.
_QUIET, _AFTER = 3.0, 3.0


def _ingress(name: str = "i", *, annotations: Mapping[str, str] | None = None, **fields: Any) -> Object:
    made = nginx.ingress(name, **fields)
    made["metadata"]["annotations"] = {_PREFIX + key: value for key, value in (annotations or {}).items()}
    made["spec"]["ingressClassName"] = "traefik"
    return made


def _case(name: str, *steps: Step, **more: Any) -> Case:
    return Case(f"traefik: {name}", GROUP, steps, **({"slack": 2.5} | more))


def _from(answer: str, *, to: str = "", by: Step, path: str = "/", headers: Headers = None) -> tuple[Step, ...]:
    """Return the steps of a change under traffic; without ``to`` nothing is expected to change."""
    after = answered(*to.split(" + ")) if to else pause(_QUIET)
    return (ask(path, headers), answered(answer), pause(_QUIET), count(), by, after, pause(_AFTER))


def _kind(kind: str, name: str, spec: Object) -> Object:
    return {"apiVersion": "traefik.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def _route(name: str = "r", *services: Object, match: str = "", **fields: Any) -> Object:
    """Return an IngressRoute with one rule."""
    rule = {"kind": "Rule", "match": match or f"Host(`{HOST}`)", "services": list(services) or [_served("a")]}
    return _kind("IngressRoute", name, {"entryPoints": ["web"], "routes": [rule | fields]})


def _served(name: str, **fields: Any) -> Object:
    return {"name": name, "port": 80} | fields


def _weighted(a: int, b: int) -> Object:
    return {"weighted": {"services": [_served("a", weight=a), _served("b", weight=b)]}}


_SHARED = {"name": "w", "kind": "TraefikService"}


def _rerouted(*services: Object, **fields: Any) -> Step:
    return patch("ingressroutes/r", {"spec": _route("r", *services, **fields)["spec"]})


_INGRESSES = (
    _case("an Ingress is made", *two_versions(), *_from("404", to=A, by=create(_ingress()))),
    _case("an Ingress is deleted", *two_versions(), create(_ingress()), *_from(A, to="404", by=delete("ingresses/i"))),
    _case(
        "an Ingress goes to another Service",
        *two_versions(),
        create(_ingress()),
        *_from(A, to=B, by=patch("ingresses/i", {"spec": _ingress(to="b")["spec"]})),
    ),
    _case(
        "an Ingress goes to a Service that does not exist",
        *two_versions(),
        create(_ingress()),
        *_from(A, to="404", by=patch("ingresses/i", {"spec": _ingress(to="nothing")["spec"]})),
    ),
    _case(
        "the path of an Ingress changes",
        *two_versions(),
        create(_ingress()),
        *_from(A, to="404", by=patch("ingresses/i", {"spec": _ingress(path="/y")["spec"]})),
    ),
    _case(
        "a second Ingress adds a path",
        *two_versions(),
        create(_ingress()),
        *_from(A, to=B, path="/y", by=create(_ingress("j", to="b", path="/y"))),
    ),
    _case(
        "the class of an Ingress changes",
        *two_versions(),
        create(_ingress()),
        *_from(A, to="404", by=patch("ingresses/i", {"spec": {"ingressClassName": "other"}})),
    ),
    _case(
        "a priority is set",
        *two_versions(),
        create(_ingress()),
        *_from(A, by=patch("ingresses/i", {"metadata": {"annotations": {f"{_PREFIX}router.priority": "5"}}})),
    ),
    _case(
        "a Middleware that does not exist is named",
        *two_versions(),
        create(_ingress()),
        *_from(
            A,
            to="404",
            by=patch(
                "ingresses/i",
                {"metadata": {"annotations": {f"{_PREFIX}router.middlewares": "NAMESPACE-m@kubernetescrd"}}},
            ),
        ),
    ),
    _case(
        "a Middleware that redirects is named",
        *two_versions(),
        create(_ingress()),
        create(_kind("Middleware", "m", {"redirectRegex": {"regex": ".*", "replacement": "http://y.test/"}})),
        *_from(
            A,
            to="302 to http://y.test/",
            by=patch(
                "ingresses/i",
                {"metadata": {"annotations": {f"{_PREFIX}router.middlewares": "NAMESPACE-m@kubernetescrd"}}},
            ),
        ),
    ),
    _case(
        "sessions become sticky",
        *two_versions(),
        create(_ingress()),
        *_from(A, by=patch("services/a", {"metadata": {"annotations": {f"{_PREFIX}service.sticky.cookie": "true"}}})),
    ),
)
_SERVICES = (
    _case(
        "a Service selects other pods",
        *two_versions(),
        create(_ingress()),
        *_from(A, to=B, by=patch("services/a", {"spec": {"selector": {"app": "b"}}})),
    ),
    _case(
        "a Service selects no pods",
        *two_versions(),
        create(_ingress()),
        *_from(A, to="404", by=patch("services/a", {"spec": {"selector": {"app": "nothing"}}})),
    ),
    _case("a Service is deleted", *two_versions(), create(_ingress()), *_from(A, to="404", by=delete("services/a"))),
    _case(
        "a Service gets the wrong target port",
        *two_versions(),
        create(_ingress()),
        *_from(A, to="502", by=patch("services/a", {"spec": {"ports": [{"port": 80, "targetPort": 5679}]}})),
    ),
)

#: Middlewares that a route gets, and the answers after that.
_MIDDLEWARES: tuple[tuple[Object, str], ...] = (
    ({"stripPrefix": {"prefixes": ["/x"]}}, A),
    ({"addPrefix": {"prefix": "/y"}}, A),
    ({"replacePath": {"path": "/y"}}, A),
    ({"headers": {"customResponseHeaders": {"X-Y": "y"}}}, A),
    ({"redirectScheme": {"scheme": "https", "permanent": True}}, "301 to https://HOST/x"),
    ({"ipAllowList": {"sourceRange": ["192.0.2.0/24"]}}, "403"),
    ({"ipAllowList": {"sourceRange": ["0.0.0.0/0"]}}, A),
    ({"rateLimit": {"average": 5, "burst": 1}}, f"{A} + 429"),
    ({"inFlightReq": {"amount": 100}}, A),
    ({"retry": {"attempts": 3}}, A),
    ({"circuitBreaker": {"expression": "NetworkErrorRatio() > 0.5"}}, A),
    ({"buffering": {"maxRequestBodyBytes": 1000}}, A),
    ({"compress": {}}, A),
    ({"basicAuth": {"secret": "nothing"}}, "404"),
)
_ROUTES = (
    _case("an IngressRoute is made", *two_versions(), *_from("404", to=A, by=create(_route()))),
    _case(
        "an IngressRoute is deleted",
        *two_versions(),
        create(_route()),
        *_from(A, to="404", by=delete("ingressroutes/r")),
    ),
    _case(
        "an IngressRoute goes to another Service",
        *two_versions(),
        create(_route()),
        *_from(A, to=B, by=_rerouted(_served("b"))),
    ),
    _case(
        "an IngressRoute goes to a Service that does not exist",
        *two_versions(),
        create(_route()),
        *_from(A, to="404", by=_rerouted(_served("nothing"))),
    ),
    _case(
        "the rule of an IngressRoute changes",
        *two_versions(),
        create(_route()),
        *_from(A, to="404", by=_rerouted(match=f"Host(`{HOST}`) && PathPrefix(`/y`)")),
    ),
    _case(
        "the rule of an IngressRoute cannot be parsed",
        *two_versions(),
        create(_route()),
        *_from(A, to="404", by=_rerouted(match="Host(")),
    ),
    _case(
        "a route for a header is made",
        *two_versions(),
        create(_route()),
        *_from(
            A,
            to=B,
            by=create(_route("q", _served("b"), match=f"Host(`{HOST}`) && Header(`X-Version`, `new`)")),
            headers={"X-Version": "new"},
        ),
    ),
    _case(
        "two Services get weights",
        *two_versions(),
        create(_route()),
        *_from(A, to=f"{A} + {B}", by=_rerouted(_served("a", weight=1), _served("b", weight=1))),
    ),
    *(
        _case(
            f"a Middleware {next(iter(spec))} is named" + (f", answers {after}" if "ipAllow" in str(spec) else ""),
            *two_versions(),
            create(_kind("Middleware", "m", spec)),
            create(_route()),
            *_from(A, to=after, by=_rerouted(_served("a"), middlewares=[{"name": "m"}]), path="/x"),
        )
        for spec, after in _MIDDLEWARES
    ),
    _case(
        "a Middleware of a route is deleted",
        *two_versions(),
        create(_kind("Middleware", "m", {"addPrefix": {"prefix": "/y"}})),
        create(_route("r", middlewares=[{"name": "m"}])),
        *_from(A, to="404", by=delete("middlewares/m")),
    ),
    _case(
        "a Middleware of a route changes",
        *two_versions(),
        create(_kind("Middleware", "m", {"ipAllowList": {"sourceRange": ["0.0.0.0/0"]}})),
        create(_route("r", middlewares=[{"name": "m"}])),
        *_from(A, to="403", by=patch("middlewares/m", {"spec": {"ipAllowList": {"sourceRange": ["192.0.2.0/24"]}}})),
    ),
    _case(
        "a TraefikService's weights change",
        *two_versions(),
        create(_kind("TraefikService", "w", _weighted(1, 0))),
        create(_route("r", _SHARED)),
        *_from(A, to=B, by=patch("traefikservices/w", {"spec": _weighted(0, 1)})),
    ),
    _case(
        "a route goes to a TraefikService",
        *two_versions(),
        create(_kind("TraefikService", "w", _weighted(1, 1))),
        create(_route()),
        *_from(A, to=f"{A} + {B}", by=_rerouted(_SHARED)),
    ),
    _case(
        "a TraefikService mirrors",
        *two_versions(),
        create(_kind("TraefikService", "w", {"mirroring": _served("a", mirrors=[_served("b", percent=50)])})),
        create(_route()),
        *_from(A, by=_rerouted(_SHARED)),
    ),
    _case(
        "a TraefikService of a route is deleted",
        *two_versions(),
        create(_kind("TraefikService", "w", _weighted(1, 0))),
        create(_route("r", _SHARED)),
        *_from(A, to="404", by=delete("traefikservices/w")),
    ),
)


def _rolled(
    name: str, made: Object, *, by: Step, then: tuple[Step, ...], to: tuple[str, ...] = (A,), **more: Any
) -> Case:
    """Return a case in which a Deployment changes under traffic."""
    steps = (create(made), create(service("a", app="a", ports=ECHO_PORTS)), complete("a"), create(_ingress()))
    traffic = (ask(), answered(A), pause(_QUIET), count(), by, *then, answered(*to), pause(_AFTER))
    return _case(name, *steps, *traffic, **more)


def _abrupt(replicas: int = 1, **spec: Any) -> Object:
    probe = {"httpGet": {"path": "/", "port": 5678}, "periodSeconds": 1}
    return deployment(echo(args=["-text=a"], readinessProbe=probe), name="a", replicas=replicas, **spec)


_RESTART = patch("deployments/a", {"spec": {"template": {"metadata": {"annotations": {"change": "1"}}}}})
_DONE = (pause(1), complete("a"), pause(6))
_scaled = {count: patch("deployments/a/scale", {"spec": {"replicas": count}}) for count in (0, 1, 3)}
_ROLLOUTS = (
    _rolled("a rollout with a preStop hook", version("a"), by=_RESTART, then=_DONE),
    _rolled("a rollout of three with a preStop hook", version("a", 3), by=_RESTART, then=_DONE),
    _rolled("a rollout without a preStop hook", _abrupt(), by=_RESTART, then=_DONE),
    _rolled("a rollout with Recreate", _abrupt(strategy={"type": "Recreate"}), by=_RESTART, then=_DONE, slack=4.0),
    _rolled("scale up to three", version("a"), by=_scaled[3], then=(runs(3, name="a"),)),
    _rolled("scale down to one with a preStop hook", version("a", 3), by=_scaled[1], then=(runs(1, name="a"),)),
    _rolled("scale down to one without a preStop hook", _abrupt(3), by=_scaled[1], then=(runs(1, name="a"),)),
    _rolled("scale to nothing", version("a"), by=_scaled[0], then=(runs(0, name="a"),), to=("404",)),
)

CASES: tuple[Case, ...] = (*_INGRESSES, *_SERVICES, *_ROUTES, *_ROLLOUTS)
