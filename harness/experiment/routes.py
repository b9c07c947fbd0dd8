"""Routes: parsed from their settings, and checked."""

from __future__ import annotations

import re
from collections.abc import Collection

from harness.controllers.registry import has_unread_routes
from harness.experiment.header_rules import TOKEN, fault_of
from harness.experiment.objects import WorkloadObjects
from harness.experiment.problems import Problems, listed, near
from harness.experiment.schema import PathPart, given
from harness.kit.located_yaml import Place
from harness.model.attempt import Method
from harness.model.experiment import Route, TrafficPlan
from harness.problem_codes import ProblemCode

_PATHS: Place = ("traffic", "paths")


def route_of(part: PathPart) -> Route:
    """Return the route of an entry of ``paths``."""
    return Route(
        path=part.path,
        answers=tuple(part.answers),
        statuses=tuple(part.statuses),
        headers=tuple(part.headers.items()),
        cookie=part.cookie,
        **given(body=part.body, regex=part.regex, name=part.name, host=part.host, sessions=part.sessions),
    )


def check_route_keys(plan: TrafficPlan, problems: Problems) -> None:
    """Require that each route has a key of its own."""
    seen: set[str] = set()
    for index, route in enumerate(plan.routes):
        if route.key in seen:
            hint = "" if route.name else "give one of them a name: their requests differ by host or headers"
            problems.add(ProblemCode.REPEATED, (*_PATHS, index), f"{route.key} is here twice", hint)
        seen.add(route.key)


def check_routed(plan: TrafficPlan, objects: WorkloadObjects, faulty: Collection[Route], problems: Problems) -> None:
    """Require that a rule routes each path to a Service of the workload, except where the rule's fault is reported."""
    for index, route in enumerate(plan.routes):
        if route in faulty:
            continue
        host = route.host or plan.host
        service = objects.service_at(route.path, host, route.headers)
        paths = objects.rule_paths(host)
        if service is None and not has_unread_routes(objects.manifests):
            if route.path in paths:
                continue  # a rule has this path and no valid backend, which is reported there
            of_host = f" for host {host}" if host else ""
            message = f"no rule of the workload routes {route.path}{of_host}; routed are {listed(paths)}"
            problems.add(ProblemCode.NO_ROUTE, (*_PATHS, index), message, near(route.path, paths))
        elif service is not None and objects.find("Service", service) is None:
            there = listed(objects.names("Service"))
            message = f"{route.path} is routed to Service {service}, which the workload does not have; it has {there}"
            problems.add(ProblemCode.UNKNOWN_NAME, (*_PATHS, index), message)


def check_headers(plan: TrafficPlan, problems: Problems) -> None:
    """Require headers that HTTP allows and that the client does not set itself, each once."""
    for index, route in enumerate(plan.routes):
        _check_headers(route, (*_PATHS, index, "headers"), problems)


def check_sessions(plan: TrafficPlan, problems: Problems) -> None:
    """Require both of a cookie and sessions, or none, and a cookie that HTTP allows."""
    for index, route in enumerate(plan.routes):
        place = (*_PATHS, index)
        if route.cookie and not TOKEN.fullmatch(route.cookie):
            message = f"{route.cookie!r} can't be the name of a cookie"
            problems.add(ProblemCode.WRONG_VALUE, (*place, "cookie"), message)
        if bool(route.cookie) != bool(route.sessions):
            what, hint = ("sessions", "5") if route.cookie else ("cookie", "NAME")
            needs = "a session keeps a cookie" if route.cookie else "a cookie tells sessions apart"
            problems.add(ProblemCode.REQUIRED, place, f"{needs}: {what} is missing", f"write {what}: {hint}")


def check_expected_bodies(plan: TrafficPlan, problems: Problems) -> None:
    """Require that bodies can be compared with what is expected of them."""
    for index, route in enumerate(plan.routes):
        place = (*_PATHS, index)
        try:
            re.compile(route.regex)
        except re.error as error:
            message = f"{route.regex!r} is no regular expression: {error}"
            problems.add(ProblemCode.WRONG_VALUE, (*place, "regex"), message)
        is_expected = bool(route.answers or route.body is not None or route.regex)
        if is_expected and set(plan.methods) == {Method.HEAD}:
            message = "an answer to HEAD has no body, so nothing can be expected of it"
            problems.add(ProblemCode.UNUSED_SETTING, place, message)


def _check_headers(route: Route, place: Place, problems: Problems) -> None:
    seen = set()
    for name, value in route.headers:
        lowered = name.lower()
        if fault := fault_of(name, value):
            problems.add(fault.code, place, fault.message, fault.hint)
        if lowered in seen:
            problems.add(ProblemCode.REPEATED, place, f"the header {name} is here twice")
        seen.add(lowered)
        if lowered == "cookie" and route.sessions:
            message = "a session sends back the cookie that an answer has set, so it has no other"
            problems.add(ProblemCode.CONFLICT, place, message)
