"""ingress-nginx: which change reloads nginx, when, and what clients are answered meanwhile.

Cases run one at a time on a controller: it may sync once in 3.3 s, whatever caused it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from differential.observing import Object
from differential.running import HOST, Case, Step
from differential.timeline_cases.parts import (
    ECHO_PORTS,
    ECHO_READY,
    A,
    B,
    Headers,
    answered,
    app,
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
    synced,
    two_versions,
    version,
)

GROUP = "ingress-nginx"
_PREFIX = "nginx.ingress.kubernetes.io/"
#: Seconds in which the controller's limit of syncs is full again, and seconds of requests after a change.
_QUIET, _AFTER = 4.0, 2.0


def _notes(annotations: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return annotations with their prefix, unless they have one."""
    return {name if "/" in name else _PREFIX + name: value for name, value in annotations.items()}


def ingress(
    name: str = "i", *, to: str = "a", path: str = "/", annotations: Mapping[str, str | None] | None = None, **spec: Any
) -> Object:
    """Return an Ingress of the case's host."""
    backend = {"service": {"name": to, "port": {"number": 80}}}
    paths = [{"path": path, "pathType": "Prefix", "backend": backend}]
    rules = [{"host": HOST, "http": {"paths": paths}}]
    base = {"ingressClassName": "nginx", "rules": rules}
    meta = {"name": name, "annotations": _notes(annotations or {})}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": meta, "spec": base | spec}


def _annotated(annotations: Mapping[str, str | None], name: str = "i") -> Step:
    """Change annotations of an Ingress."""
    return patch(f"ingresses/{name}", {"metadata": {"annotations": _notes(annotations)}})


def _case(name: str, *steps: Step, **more: Any) -> Case:
    return Case(f"nginx: {name}", GROUP, steps, **({"slack": 2.0} | more))


def _from(
    answer: str,
    *,
    to: str = "",
    by: Step,
    synchronised: bool = True,
    path: str = "/",
    headers: Headers = None,
) -> tuple[Step, ...]:
    """Return the steps of a change under traffic: answers before, the change, and answers after it."""
    after = (answered(*to.split(" + ")),) if to else ()
    handled = (synced(),) if synchronised else (pause(_QUIET),)
    return (ask(path, headers), answered(answer), pause(_QUIET), count(), by, *handled, *after, pause(_AFTER))


#: Annotations that are set on an Ingress that serves: what is set, and the answers after that. Requests have the path
#: ``/x``. The last column is for headers.
_SET: tuple[tuple[dict[str, str], str, dict[str, str]], ...] = (
    ({"rewrite-target": "/y"}, A, {}),
    ({"use-regex": "true"}, A, {}),
    ({"ssl-redirect": "false"}, A, {}),
    ({"force-ssl-redirect": "true"}, "308 to https://HOST/x", {}),
    ({"preserve-trailing-slash": "true"}, A, {}),
    ({"app-root": "/y"}, "302 to http://HOST/y", {}),
    ({"proxy-connect-timeout": "7"}, A, {}),
    ({"proxy-send-timeout": "7"}, A, {}),
    ({"proxy-read-timeout": "7"}, A, {}),
    ({"proxy-read-timeout": "soon"}, A, {}),
    ({"proxy-next-upstream": "off"}, A, {}),
    ({"proxy-next-upstream-timeout": "3"}, A, {}),
    ({"proxy-next-upstream-tries": "2"}, A, {}),
    ({"proxy-body-size": "2m"}, A, {}),
    ({"proxy-buffering": "on"}, A, {}),
    ({"proxy-request-buffering": "off"}, A, {}),
    ({"proxy-http-version": "1.0"}, A, {}),
    ({"x-forwarded-prefix": "/y"}, A, {}),
    ({"upstream-vhost": "y.test"}, A, {}),
    ({"custom-http-errors": "404,503"}, A, {}),
    ({"custom-http-errors": "404", "disable-proxy-intercept-errors": "true"}, A, {}),
    ({"temporal-redirect": "http://y.test/"}, "302 to http://y.test/", {}),
    ({"permanent-redirect": "http://y.test/"}, "301 to http://y.test/", {}),
    ({"permanent-redirect": "http://y.test/", "permanent-redirect-code": "308"}, "308 to http://y.test/", {}),
    ({"allowlist-source-range": "192.0.2.0/24"}, "403", {}),
    ({"whitelist-source-range": "0.0.0.0/0"}, A, {}),
    ({"denylist-source-range": "0.0.0.0/0"}, "403", {}),
    ({"denylist-source-range": "192.0.2.0/24"}, A, {}),
    ({"limit-rps": "5"}, f"{A} + 503", {}),
    ({"limit-rps": "5", "limit-burst-multiplier": "1"}, f"{A} + 503", {}),
    ({"limit-rps": "5", "limit-allowlist": "0.0.0.0/0"}, A, {}),
    ({"limit-rpm": "6000"}, A, {}),
    ({"limit-connections": "100"}, A, {}),
    ({"auth-type": "basic", "auth-secret": "missing"}, "503", {}),
    ({"auth-type": "basic", "auth-secret": "users", "auth-realm": "y"}, "401", {}),
    ({"auth-type": "basic", "auth-secret": "users"}, A, {"Authorization": "Basic dXNlcjpwYXNz"}),
    ({"server-alias": "alias.HOST"}, A, {}),
    ({"upstream-hash-by": "$request_uri"}, A, {}),
    ({"load-balance": "ewma"}, A, {}),
    ({"affinity": "cookie"}, A, {}),
    ({"affinity": "cookie", "affinity-mode": "persistent", "session-cookie-name": "y"}, A, {}),
    ({"affinity": "cookie", "session-cookie-path": "/y", "session-cookie-max-age": "60"}, A, {}),
    ({"affinity": "cookie", "session-cookie-change-on-failure": "true"}, A, {}),
    ({"default-backend": "b"}, A, {}),
    ({"proxy-buffer-size": "8k"}, A, {}),
    ({"proxy-buffer-size": "4k"}, A, {}),
    ({"proxy-buffers-number": "8"}, A, {}),
    ({"proxy-max-temp-file-size": "0"}, A, {}),
    ({"client-body-buffer-size": "16k"}, A, {}),
    ({"enable-access-log": "false"}, A, {}),
    ({"enable-rewrite-log": "true"}, A, {}),
    ({"cors-allow-origin": "http://y.test"}, A, {}),
    ({"example.com/note": "y"}, A, {}),
)
_USERS = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "users"},
    "data": {"auth": base64.b64encode(b"user:$apr1$lab$Xc5wrFV2Hf.Xc3enBu00O1\n").decode()},
}


def _titled(annotations: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in annotations.items())


_ANNOTATIONS = tuple(
    _case(
        f"{_titled(notes)} is set" + (" for a user" if headers else ""),
        *((create(_USERS),) if notes.get("auth-secret") == "users" else ()),
        *two_versions(),
        create(ingress()),
        *_from(A, to=after, by=_annotated(notes), path="/" if "app-root" in notes else "/x", headers=headers),
    )
    for notes, after, headers in _SET
)

_HEADER = {"X-Version": "new"}
#: Canaries that are made next to an Ingress that serves: annotations, the answers after that, headers of the requests.
_CANARIES: tuple[tuple[dict[str, str], str, dict[str, str]], ...] = (
    ({"canary-weight": "100"}, B, {}),
    ({"canary-weight": "50"}, f"{A} + {B}", {}),
    ({"canary-weight": "500", "canary-weight-total": "1000"}, f"{A} + {B}", {}),
    ({"canary-by-header": "X-Version"}, A, _HEADER),
    ({"canary-by-header": "X-Version", "canary-by-header-value": "new"}, B, _HEADER),
    ({"canary-by-header": "X-Version", "canary-by-header-pattern": "ne."}, B, _HEADER),
    ({"canary-by-cookie": "version"}, B, {"Cookie": "version=always"}),
    ({"canary-by-cookie": "version", "affinity-canary-behavior": "legacy"}, A, {"Cookie": "version=never"}),
)


def _canary(notes: Mapping[str, str]) -> Object:
    return ingress("c", to="b", annotations={"canary": "true", **notes})


_CANARY_CASES = (
    *(
        _case(
            f"a canary with {_titled(notes)} is made",
            *two_versions(),
            create(ingress()),
            *_from(A, to=after, by=create(_canary(notes)), headers=headers),
        )
        for notes, after, headers in _CANARIES
    ),
    _case(
        "a canary's weight grows to all",
        *two_versions(),
        create(ingress()),
        create(_canary({"canary-weight": "0"})),
        *_from(A, to=B, by=_annotated({"canary-weight": "100"}, "c")),
    ),
    _case(
        "a canary that gets all is deleted",
        *two_versions(),
        create(ingress()),
        create(_canary({"canary-weight": "100"})),
        *_from(B, to=A, by=delete("ingresses/c")),
    ),
    _case(
        "a canary becomes a main Ingress",
        *two_versions(),
        create(ingress()),
        create(_canary({"canary-weight": "0"})),
        *_from(A, by=_annotated({"canary": "false"}, "c")),
    ),
)


def _rules(**path: Any) -> Object:
    """Return a patch of an Ingress's only rule."""
    backend = {"service": {"name": "a", "port": {"number": 80}}}
    return {
        "spec": {
            "rules": [
                {"host": HOST, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend} | path]}}
            ]
        }
    }


def _to(name: str, **port: Any) -> Object:
    return {"service": {"name": name, "port": port or {"number": 80}}}


_OBJECTS = (
    _case("an Ingress is made", *two_versions(), *_from("404", to=A, by=create(ingress()))),
    _case("an Ingress is deleted", *two_versions(), create(ingress()), *_from(A, to="404", by=delete("ingresses/i"))),
    _case(
        "an Ingress goes to another Service",
        *two_versions(),
        create(ingress()),
        *_from(A, to=B, by=patch("ingresses/i", _rules(backend=_to("b")))),
    ),
    _case(
        "an Ingress goes to a Service that does not exist",
        *two_versions(),
        create(ingress()),
        *_from(A, to="503", by=patch("ingresses/i", _rules(backend=_to("nothing")))),
    ),
    _case(
        "an Ingress names a port that does not exist",
        *two_versions(),
        create(ingress()),
        *_from(A, to="503", by=patch("ingresses/i", _rules(backend=_to("a", number=81)))),
    ),
    _case(
        "the path of an Ingress changes",
        *two_versions(),
        create(ingress()),
        *_from(A, to="404", by=patch("ingresses/i", _rules(path="/y"))),
    ),
    _case(
        "the type of a path changes to Exact",
        *two_versions(),
        create(ingress()),
        *_from(A, to="404", path="/x", by=patch("ingresses/i", _rules(pathType="Exact"))),
    ),
    _case(
        "a second Ingress adds a path",
        *two_versions(),
        create(ingress()),
        *_from(A, to=B, path="/y", by=create(ingress("j", to="b", path="/y"))),
    ),
    _case(
        "a second Ingress has the same path",
        *two_versions(),
        create(ingress()),
        *_from(A, by=create(ingress("j", to="b"))),
    ),
    _case(
        "the class of an Ingress changes",
        *two_versions(),
        create(ingress()),
        *_from(A, to="404", by=patch("ingresses/i", {"spec": {"ingressClassName": "other"}})),
    ),
    _case(
        "an Ingress gets TLS",
        *two_versions(),
        create(ingress()),
        *_from(A, to="308 to https://HOST", by=patch("ingresses/i", {"spec": {"tls": [{"hosts": [HOST]}]}})),
    ),
    _case(
        "an Ingress of another class is made",
        *two_versions(),
        create(ingress()),
        *_from(A, by=create(ingress("j", to="b", ingressClassName="other")), synchronised=False),
    ),
    _case(
        "a Service selects other pods",
        *two_versions(),
        create(ingress()),
        *_from(A, to=B, by=patch("services/a", {"spec": {"selector": {"app": "b"}}})),
    ),
    _case(
        "a Service selects no pods",
        *two_versions(),
        create(ingress()),
        *_from(A, to="503", by=patch("services/a", {"spec": {"selector": {"app": "nothing"}}})),
    ),
    _case(
        "a Service selects no pods, and there is a default backend",
        *two_versions(),
        create(ingress(annotations={"default-backend": "b"})),
        *_from(A, to=B, by=patch("services/a", {"spec": {"selector": {"app": "nothing"}}})),
    ),
    _case(
        "a Service gets the wrong target port",
        *two_versions(),
        create(ingress()),
        *_from(A, to="502", by=patch("services/a", {"spec": {"ports": [{"port": 80, "targetPort": 5679}]}})),
    ),
    _case("a Service is deleted", *two_versions(), create(ingress()), *_from(A, to="503", by=delete("services/a"))),
    _case(
        "a password file appears",
        *two_versions(),
        create(ingress(annotations={"auth-type": "basic", "auth-secret": "users"})),
        *_from("503", to="401", by=create(_USERS)),
    ),
    _case(
        "labels of an Ingress change",
        *two_versions(),
        create(ingress()),
        *_from(A, by=patch("ingresses/i", {"metadata": {"labels": {"y": "y"}}})),
    ),
)


def _restarted(name: str = "a") -> Step:
    return patch(f"deployments/{name}", {"spec": {"template": {"metadata": {"annotations": {"change": "1"}}}}})


def _rolled(
    name: str, made: Object, *, by: Step, then: tuple[Step, ...], to: tuple[str, ...] = (A,), **more: Any
) -> Case:
    """Return a case in which a Deployment changes under traffic."""
    steps = (create(made), create(service("a", app="a", ports=ECHO_PORTS)), complete("a"), create(ingress()))
    traffic = (ask(), answered(A), pause(_QUIET), count(), by, *then, answered(*to), pause(_AFTER))
    return _case(name, *steps, *traffic, **more)


def _abrupt(name: str = "a", replicas: int = 1, **spec: Any) -> Object:
    """Return a Deployment whose pods end at once."""
    container = echo(args=[f"-text={name}"], readinessProbe=ECHO_READY)
    return deployment(container, name=name, replicas=replicas, **spec)


def _unprobed(opens: float, hook: int) -> Object:
    """Return a Deployment whose application opens some seconds after its start, and has no probe that waits for it."""
    return deployment(
        app(
            env={"OPEN": str(opens), "PORT": "5678"},
            lifecycle={"preStop": {"exec": {"command": ["sleep", str(hook)]}}},
        ),
        name="a",
        pods={"terminationGracePeriodSeconds": hook + 4},
    )


def _unprobed_rollout(name: str, *before: Step, opens: float, hook: int) -> Case:
    """Return a case in which an application without probes is rolled out, after some other steps."""
    made = (create(_unprobed(opens, hook)), create(service("a", app="a", ports=ECHO_PORTS)), complete("a"))
    traffic = (create(ingress()), ask(), answered("200 ok"), pause(_QUIET), count(), *before, _restarted())
    return _case(name, *made, *traffic, pause(1), complete("a"), pause(hook), answered("200 ok"), pause(_AFTER))


def _strategy(surge: int, unavailable: int) -> Object:
    return {"strategy": {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}}


_scaled = {count: patch("deployments/a/scale", {"spec": {"replicas": count}}) for count in (0, 1, 3)}
_DONE = (pause(1), complete("a"), pause(6))
_ROLLOUTS = (
    _rolled("a rollout with a preStop hook", version("a"), by=_restarted(), then=_DONE),
    _rolled("a rollout of three with a preStop hook", version("a", 3), by=_restarted(), then=_DONE),
    _rolled("a rollout without a preStop hook", _abrupt(), by=_restarted(), then=_DONE),
    _rolled("a rollout of three without a preStop hook", _abrupt(replicas=3), by=_restarted(), then=_DONE),
    _rolled(
        "a rollout with maxUnavailable 1 of one", _abrupt(**_strategy(0, 1)), by=_restarted(), then=_DONE, slack=4.0
    ),
    _rolled("a rollout with Recreate", _abrupt(strategy={"type": "Recreate"}), by=_restarted(), then=_DONE, slack=4.0),
    _rolled("scale up to three", version("a"), by=_scaled[3], then=(runs(3, name="a"), pause(_QUIET))),
    _rolled("scale down to one with a preStop hook", version("a", 3), by=_scaled[1], then=(runs(1, name="a"),)),
    _rolled("scale down to one without a preStop hook", _abrupt(replicas=3), by=_scaled[1], then=(runs(1, name="a"),)),
    _rolled("scale to nothing", version("a"), by=_scaled[0], then=(runs(0, name="a"),), to=("503",)),
    _unprobed_rollout("a rollout of an application that no probe asks", opens=3, hook=6),
    # A pod without a probe is ready when it starts. The controller lists both pods at once, and only the new one 3.3 s
    # later; nginx reads that within 1 s. After another sync the controller never lists both.
    _unprobed_rollout("a rollout of an application that opens too late", opens=5.5, hook=9),
    _unprobed_rollout(
        "a rollout after a sync of an application that opens too late",
        patch("ingresses/i", {"metadata": {"labels": {"y": "y"}}}),
        synced(),
        opens=5.5,
        hook=9,
    ),
    _case(
        "a pod is deleted with a preStop hook",
        *two_versions(),
        create(ingress()),
        *_from(A, by=Step("delete any", "app=a"), synchronised=False),
        runs(1, name="a"),
        answered(A),
        pause(_AFTER),
    ),
    _case(
        "a pod loses its label",
        *two_versions(),
        create(ingress()),
        *_from(A, by=Step("patch any", "app=a", {"metadata": {"labels": {"app": "other"}}})),
        answered(A),
        pause(_AFTER),
    ),
)

_SLOW = deployment(
    app(env={"SLOW": "/slow:2", "PORT": "5678"}, readinessProbe={"tcpSocket": {"port": 5678}, "periodSeconds": 1}),
    name="a",
)
_TIMED = (
    _case(
        "proxy-read-timeout becomes shorter than an answer takes",
        create(_SLOW),
        create(service("a", app="a", ports=ECHO_PORTS)),
        complete("a"),
        create(ingress()),
        *_from(
            "200 ok", to="504", by=_annotated({"proxy-read-timeout": "1", "proxy-next-upstream": "off"}), path="/slow"
        ),
    ),
)

CASES: tuple[Case, ...] = (*_ANNOTATIONS, *_CANARY_CASES, *_OBJECTS, *_ROLLOUTS, *_TIMED)
