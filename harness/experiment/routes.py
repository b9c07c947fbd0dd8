"""Routes: what is asked of a path, and whether it can be asked so."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.controllers.registry import has_unread_routes
from harness.experiment.objects import Objects
from harness.experiment.problems import Problems, listed, near
from harness.experiment.schema import PathPart, given
from harness.model.attempt import Method
from harness.model.experiment import Configuration, Route, TrafficPlan

#: RFC 9110, 5.1: what a header or a cookie may be called.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: RFC 9110, 5.5, without what only some servers take.
_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?")
#: What the client says itself, and why a route can't.
_OWN = {
    "host": "write host: beside the path",
    "x-request-id": "it names the attempt, so that what became of it can be found in every log",
    "content-length": "it is that of the body that is sent",
    "content-type": "it is that of the body that is sent",
    "transfer-encoding": "it is that of the body that is sent",
    "connection": "connections: says which are kept",
    "keep-alive": "connections: says which are kept",
    "upgrade": "what is sent is HTTP/1.1",
    "expect": "what is sent is sent at once",
    "te": "what is sent is HTTP/1.1",
    "trailer": "what is sent has none",
}


def read_route(part: PathPart) -> Route:
    """The route that a part of the file stands for."""
    return Route(
        path=part.path,
        answers=tuple(part.answers),
        statuses=tuple(part.statuses),
        headers=tuple(part.headers.items()),
        cookie=part.cookie,
        **given(body=part.body, regex=part.regex, name=part.name, host=part.host, sessions=part.sessions),
    )


def check_route_fields(plan: TrafficPlan, problems: Problems) -> None:
    """Routes are told apart by their keys; headers and cookies are such as HTTP knows."""
    seen: dict[str, int] = {}
    for index, route in enumerate(plan.routes):
        place = ("traffic", "paths", index)
        if route.key in seen:
            hint = "" if route.name else "give one of them a name: what is asked of it differs by host or headers"
            problems.add(place, f"{route.key} is here twice", hint=hint)
        seen.setdefault(route.key, index)
        _check_headers(route, index, problems)
        _check_sessions(route, index, problems)
        _check_expectations(route, index, plan, problems)


def check_routes(plan: TrafficPlan, configurations: Sequence[Configuration], problems: Problems) -> None:
    """Every path must lead somewhere, in every configuration."""
    for configuration in configurations:
        objects = Objects(configuration.manifests)
        for index, route in enumerate(plan.routes):
            host = route.host or plan.host
            service = objects.service_at(route.path, host, route.headers)
            place = ("traffic", "paths", index)
            if service is None and not has_unread_routes(configuration.manifests):
                paths = objects.rule_paths(host)
                of_host = f" for host {host}" if host else ""
                message = f"no rule of the workload routes {route.path}{of_host}; routed are {listed(paths)}"
                problems.add(place, message, near(route.path, paths))
            elif service is not None and objects.find("Service", service) is None:
                there = listed(objects.names("Service"))
                message = f"{route.path} is routed to Service {service}, which the workload has not; it has {there}"
                problems.add(place, message)


def _check_headers(route: Route, index: int, problems: Problems) -> None:
    place = ("traffic", "paths", index, "headers")
    seen = set()
    for name, value in route.headers:
        lowered = name.lower()
        if not _TOKEN.fullmatch(name):
            problems.add(place, f"{name!r} can't be the name of a header")
        elif lowered in _OWN:
            problems.add(place, f"{name} is a header of the client's own", hint=_OWN[lowered])
        elif not _VALUE.fullmatch(value):
            problems.add(place, f"{value!r} can't be the value of the header {name}: visible ASCII, spaces within")
        if lowered in seen:
            problems.add(place, f"the header {name} is here twice")
        seen.add(lowered)
        if lowered == "cookie" and route.sessions:
            problems.add(place, "a session sends back the cookie that it was given, so it has no other")


def _check_sessions(route: Route, index: int, problems: Problems) -> None:
    place = ("traffic", "paths", index)
    if route.cookie and not _TOKEN.fullmatch(route.cookie):
        problems.add((*place, "cookie"), f"{route.cookie!r} can't be the name of a cookie")
    if bool(route.cookie) != bool(route.sessions):
        what, hint = ("sessions", "5") if route.cookie else ("cookie", "NAME")
        has = "a cookie is kept by a session" if route.cookie else "sessions are told apart by a cookie"
        problems.add(place, f"{has}: {what} is missing", hint=f"write {what}: {hint}")


def _check_expectations(route: Route, index: int, plan: TrafficPlan, problems: Problems) -> None:
    """What is expected of bodies must be possible."""
    place = ("traffic", "paths", index)
    try:
        re.compile(route.regex)
    except re.error as error:
        problems.add((*place, "regex"), f"{route.regex!r} is no regular expression: {error}")
    is_expected = bool(route.answers or route.body is not None or route.regex)
    if is_expected and set(plan.methods) == {Method.HEAD}:
        problems.add(place, "an answer to HEAD has no body, so nothing can be expected of it")
