"""Turns the arguments of a watch into the traffic of each origin, and finds every fault before anything starts."""

from __future__ import annotations

import glob
import math
import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from harness.errors import InvalidInputError, Problem
from harness.experiment.header_rules import fault_of
from harness.kit.web_address import PORTS, has_login, web_address
from harness.model.attempt import Method
from harness.model.experiment import MOST_WAITING, Pool, Route, Tls, TrafficPlan, waiting_connections
from harness.model.rates import Rate, highest_rate, lowest_rate, rate_text, scaled
from harness.model.secrets import Secret
from harness.model.shapes import SHAPES, ConnectionSource, Shape, part_from
from harness.runner.watch.plan import Origin

#: Most origins of one watch: each has a sending process of its own.
MOST_ORIGINS = 8
#: Seconds between two uses of a pooled connection, roughly, so that each connection is idle for a while.
_IDLE = 0.5
_LARGEST_POOL = 64
#: Lower limit of concurrent requests; rate and timeout may require more.
_CONCURRENCY = 1000
_MOST_CONCURRENT = 20_000
#: Statuses that an answer to a request can have.
STATUSES = range(200, 600)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRequest:
    """A watch as the user requested it.

    Attributes:
        urls: Absolute ``http`` or ``https`` URLs.
        rate: Requests per second over all URLs, constant or in steps and ramps.
        methods: HTTP methods, used in turn.
        shapes: Kinds of connections, used in turn.
        durations: Seconds that the shapes among them require.
        timeout: Seconds that a request may take, including the connection's setup.
        statuses: Expected HTTP statuses; empty for any 2xx.
        body: Expected body, compared without surrounding white space; None for any.
        regex: Regular expression that must match within the body; empty for none.
        host: ``Host`` header; empty for the URL's host.
        ca: PEM file of trusted certificate authorities; None for the system's.
        insecure: Accept any certificate.
        server_name: Server name for TLS (SNI and certificate check); empty for the ``Host`` header's.
        headers: Further headers of each request.
        has_body: True to send a body with POST, PUT and PATCH.
    """

    urls: tuple[str, ...]
    rate: Rate
    methods: tuple[Method, ...]
    shapes: tuple[Shape, ...]
    timeout: float
    statuses: tuple[int, ...] = ()
    body: str | None = None
    regex: str = ""
    host: str = ""
    ca: Path | None = None
    insecure: bool = False
    server_name: str = ""
    durations: Mapping[Shape, float] = field(default_factory=dict)
    headers: tuple[tuple[str, Secret], ...] = ()
    has_body: bool = True


def origins_of(request: WatchRequest) -> tuple[Origin, ...]:
    """Return the traffic of each origin, in the order of first appearance.

    Raises:
        InvalidInputError: The request has faults; lists all of them.
    """
    if problems := [*_wrong_types(request)]:
        raise InvalidInputError(problems)
    problems = [*_problems(request)]
    by_origin: dict[tuple[str, str, int], list[str]] = {}
    for url in request.urls:
        parts = _parts(url, problems)
        if parts is not None:
            scheme, host, port, path = parts
            by_origin.setdefault((scheme, host, port), []).append(path)
    if len(by_origin) > MOST_ORIGINS:
        problems.append(Problem(f"{len(by_origin)} hosts and ports: at most {MOST_ORIGINS} are watched at once"))
    if problems:
        raise InvalidInputError(problems)
    origins = tuple(_origin(request, *key, tuple(paths)) for key, paths in by_origin.items())
    for origin in origins:
        for shape in request.shapes:
            if (waiting := waiting_connections(origin.traffic, shape)) > MOST_WAITING:
                problem = f"{waiting:,.0f} connections to {origin.url} would wait unused, more than {MOST_WAITING:,}"
                raise InvalidInputError([Problem(problem, hint=f"lower the rate or the time of {shape.word}")])
    return origins


def _wrong_types(request: WatchRequest) -> Iterator[Problem]:
    """Yield a problem for each argument that no other check can read; a program may pass anything."""
    if not request.urls:
        yield Problem("no URL is given", hint="such as http://127.0.0.1:8080/")
    for url in request.urls:
        if not isinstance(url, str):
            yield Problem(f"{url!r} is not a URL as text", hint="such as 'http://127.0.0.1:8080/'")
    for what, values, kind in (("methods", request.methods, Method), ("connections", request.shapes, Shape)):
        if not values or not all(isinstance(value, kind) for value in values):
            hint = f"such as harness.{kind.__name__}.{next(iter(kind)).name}"
            yield Problem(f"{what}={list(values)!r}: expected one or more of harness.{kind.__name__}", hint=hint)


def _problems(request: WatchRequest) -> Iterator[Problem]:
    yield from (Problem(f"{url} is given twice") for url in {*request.urls} if request.urls.count(url) > 1)
    if not 0.01 <= lowest_rate(request.rate) <= highest_rate(request.rate) <= 100_000:
        yield Problem(f"--rate {rate_text(request.rate)}: expected between 0.01 and 100,000 requests per second")
    if not 0.01 <= request.timeout <= 3600:
        yield Problem(f"--timeout {request.timeout:g} s: expected between 10 ms and an hour")
    try:
        re.compile(request.regex)
    except re.error as error:
        yield Problem(f"--expect-regex {request.regex!r} is not a regular expression: {error}")
    if (request.regex or request.body is not None) and set(request.methods) == {Method.HEAD}:
        yield Problem("an answer to HEAD has no body, so nothing can be expected of it")
    for name, value in request.headers:
        if fault := fault_of(name, value):
            yield Problem(fault.message, hint=fault.hint)
    if not re.fullmatch(r"[!-~]*", request.host):
        yield Problem(f"--host {request.host!r}: expected a host name, with :PORT if need be")
    for status in set(request.statuses) - set(STATUSES):
        yield Problem(f"{status!r} is not the status of a final answer: expected {STATUSES[0]} to {STATUSES[-1]}")
    yield from _shape_problems(request)
    yield from _tls_problems(request)


def _shape_problems(request: WatchRequest) -> Iterator[Problem]:
    for shape in request.shapes:
        facts = SHAPES[shape]
        if facts.needs_application:
            yield Problem(f"{shape.word}: no watch can see whether the application helps", hint="use an Experiment")
        elif facts.duration is not None and not request.durations.get(shape):
            hint = f"write --connections {shape.word}=5s"
            yield Problem(f"{shape.word} needs a time: {facts.duration.meaning}", hint=hint)


def _tls_problems(request: WatchRequest) -> Iterator[Problem]:
    given = [
        name
        for name, value in (
            ("--ca", request.ca),
            ("--insecure", request.insecure),
            ("--server-name", request.server_name),
        )
        if value
    ]
    if given and not any(url.lower().startswith("https:") for url in request.urls):
        yield Problem(f"{', '.join(given)}: none of the URLs is https, so there is no certificate to check")
    if request.ca and request.insecure:
        yield Problem("--insecure accepts any certificate, so nothing is checked against --ca", hint="use one of them")
    if request.ca:
        try:
            ssl.create_default_context(cafile=str(request.ca))
        except ssl.SSLError:
            yield Problem(f"--ca {request.ca} holds no certificate in PEM form")
        except OSError as error:
            yield Problem(f"--ca {request.ca} can't be read: {error.strerror}")


def _parts(url: str, problems: list[Problem]) -> tuple[str, str, int, str] | None:
    """Return (scheme, host, port, path) of a URL."""
    try:
        split = urlsplit(url)
        if has_login(url):
            hint = "give them as a header: Authorization"
            problems.append(Problem("a URL has a user name and a password", hint=hint))
            return None
        scheme, name, port = web_address(url)
        host = name.encode("idna").decode()
    except ValueError as error:
        problems.append(Problem(f"{url!r} is not an http:// or https:// URL: {error}", hint=_suggestion(url)))
        return None
    return scheme, host, port, _path(split)


def _path(split: SplitResult) -> str:
    query = f"?{split.query}" if split.query else ""
    return quote((split.path or "/") + query, safe="/%?&=:;@!$'()*+,~-._[]|")


def _suggestion(url: str) -> str:
    bare = url.partition("://")[2] if "://" in url else url
    return f"http://{bare}" if re.fullmatch(r"[\w.\[\]:-]+(/\S*)?", bare) else "such as http://127.0.0.1:8080/"


def _origin(request: WatchRequest, scheme: str, host: str, port: int, paths: tuple[str, ...]) -> Origin:
    name = f"[{host}]" if ":" in host else host
    address = name if port == PORTS[scheme] else f"{name}:{port}"
    rate = scaled(request.rate, len(paths) / len(request.urls))
    highest = highest_rate(rate)
    reused = highest * part_from(request.shapes, ConnectionSource.POOL)
    # Stripped like an Experiment's answers: most programs end a body with a newline that users do not type.
    answers = () if request.body is None else (glob.escape(request.body.strip()),)
    tls = Tls(not request.insecure, str(request.ca.resolve()) if request.ca else "", request.server_name)
    durations: dict[str, Any] = {SHAPES[shape].field: seconds for shape, seconds in request.durations.items()}
    traffic = TrafficPlan(
        rate=rate,
        routes=tuple(
            Route(path, answers, request.statuses, regex=request.regex, headers=request.headers) for path in paths
        ),
        bodies=request.has_body,
        methods=request.methods,
        shapes=request.shapes,
        **durations,
        pool=Pool(size=max(1, min(_LARGEST_POOL, math.ceil(reused * _IDLE)))),
        baseline=0.0,
        settle=0.0,
        timeout=request.timeout,
        concurrency=min(_MOST_CONCURRENT, max(_CONCURRENCY, math.ceil(highest * (request.timeout + 1)))),
        host=request.host or address,
        tls=tls if scheme == "https" else None,
    )
    return Origin(url=f"{scheme}://{address}", host=host, port=port, traffic=traffic)
