"""The parts of an Experiment file as pydantic models: the fields, their types, their defaults and their meaning.

A model validates each field by itself; ``CHECKS`` of ``load`` validates how fields fit together.
The tables of ``docs/reference/experiments.md`` and the JSON Schema are generated from these models
(``harness.reference`` and ``json_schema``), so a setting is described here and nowhere else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from harness.experiment.quantities import Duration, RatePerSecond, duration_text
from harness.localkube.apps.orders import StopMode
from harness.localkube.kubelet.models import StandInModel
from harness.model.attempt import LOSSES, Method
from harness.model.controllers import CONTROLLERS, DEFAULT
from harness.model.experiment import (
    Arrivals,
    Expectation,
    ExpectedVerdict,
    Experiment,
    Pool,
    PoolOrder,
    Route,
    Tls,
    TrafficPlan,
)
from harness.model.rate_curve import SHORTEST_LEG
from harness.model.shapes import SHAPES

#: The version of the format that this harness reads; it is the default of a file.
VERSION: Literal[1] = 1

#: Pattern of names. They become parts of file names (``graceful--rolling-update``), so ``--`` and ``/`` are refused.
NAME = r"^[A-Za-z0-9]+([._-][A-Za-z0-9]+)*$"

#: Pattern of a ``Host`` header.
HOST = r"^[A-Za-z0-9._-]+(:\d+)?$"

#: Pattern of a path, with a query if it has one.
PATH = r"^/\S*$"

#: Attempts that may be open at once: more than a process can have connections.
MOST_CONCURRENCY = 100_000

#: Sessions that may take turns: with more of them, none would get a second turn in a trial.
MOST_SESSIONS = 10_000

#: The shortest time before and after a change, in seconds: a shorter one cannot show losses of its own.
SHORTEST_PHASE = 1.0

#: The longest time between two requests of a stream, in seconds: with it, a gap of two and some slack stays below the
#: second that judging accepts (``LONGEST_SEND_GAP_S``).
LONGEST_INTERVAL = 0.35

#: Most steps of a rate: more than a person writes.
MOST_STEPS = 100

#: The outcomes that an entry of ``expect`` can name.
CLASSES = tuple(sorted(outcome.label for outcome in LOSSES))


def default_of(record: type[Any], name: str) -> Any:
    """Return the default of a record's field, so that it is written once.

    Raises:
        KeyError: The record has no such field.
        TypeError: The field has no default.
    """
    field = {field.name: field for field in dataclasses.fields(record)}[name]
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    if field.default is dataclasses.MISSING:
        raise TypeError(f"{record.__name__}.{name} has no default")
    return field.default


def given(**settings: Any) -> dict[str, Any]:
    """Return the settings that a file gives: a record has the defaults of the others."""
    return {name: value for name, value in settings.items() if value is not None}


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _as_numbers(value: Any) -> Any:
    return [value] if isinstance(value, int) and not isinstance(value, bool) else value


def _as_path(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


def _as_it_is(value: Any) -> Any:
    return value


def _as_model(value: Any) -> Any:
    return {"stop": value} if isinstance(value, str) else value


def is_one_of(words: Iterable[str]) -> Callable[[Any], Any]:
    """Return a validator that accepts these words alone; its error has them, for a hint."""
    known = tuple(words)
    *most, last = [f"'{word}'" for word in known]
    expected = f"{', '.join(most)} or {last}"

    def check(value: Any) -> Any:
        if isinstance(value, str) and value in known:
            return value
        raise PydanticCustomError("literal_error", "expected {expected}", {"expected": expected, "words": known})

    return check


_METHODS = [method.name for method in Method]
_SHAPES = [shape.word for shape in SHAPES]

Name = Annotated[str, Field(pattern=NAME, title="name")]

#: A host, with a port if it needs one.
Host = Annotated[str, Field(pattern=HOST, title="host")]

#: The path of a request, or of an Ingress rule as it is written there.
UrlPath = Annotated[str, Field(pattern=PATH, title="path")]

#: The word of an ingress controller.
ControllerWord = Annotated[
    str, BeforeValidator(is_one_of(CONTROLLERS)), Field(json_schema_extra={"enum": [*CONTROLLERS]})
]

MethodWord = Annotated[str, BeforeValidator(is_one_of(_METHODS)), Field(json_schema_extra={"enum": _METHODS})]
ShapeWord = Annotated[str, BeforeValidator(is_one_of(_SHAPES)), Field(json_schema_extra={"enum": _SHAPES})]
VerdictWord = Annotated[
    str, BeforeValidator(is_one_of(ExpectedVerdict)), Field(json_schema_extra={"enum": [*ExpectedVerdict]})
]
#: An outcome; ``parse_expect`` validates the word.
ClassWord = Annotated[str, Field(json_schema_extra={"enum": [*CLASSES]})]
StatusCode = Annotated[int, Field(ge=200, le=599)]

EndingWord = Annotated[str, BeforeValidator(is_one_of(StopMode)), Field(json_schema_extra={"enum": [*StopMode]})]

#: One text, or a list of them.
Texts = Annotated[list[str], BeforeValidator(_as_list, json_schema_input_type=str | list[str]), Field(min_length=1)]
Classes = Annotated[
    list[ClassWord], BeforeValidator(_as_list, json_schema_input_type=ClassWord | list[ClassWord]), Field(min_length=1)
]

#: One status of a final answer, or a list of them.
Statuses = Annotated[
    list[StatusCode],
    BeforeValidator(_as_numbers, json_schema_input_type=StatusCode | list[StatusCode]),
    Field(min_length=1),
]


#: The largest number that is allowed; None allows any.
AtMost = Annotated[int, Field(ge=0)] | None


class ExperimentPart(BaseModel):
    """A part of the file: unknown fields and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class EntryPart(ExperimentPart):
    """The entry of traffic that does not pass an ingress controller."""

    service: Annotated[str, Field(min_length=1)] = Field(
        description="Service of the workload that gets all traffic, at its first port, as kube-proxy routes it"
    )


class PathPart(ExperimentPart):
    """One path that gets traffic: the request and the right answers."""

    path: UrlPath = Field(
        description="path of the request, with a query if it has one; any 2xx is right unless other fields say more"
    )
    name: Name | None = Field(
        default=None,
        description="name of the route in changes, `answers` and reports; by default its path; required if two routes "
        "have the same path",
    )
    host: Host | None = Field(
        default=None,
        description="the `Host` header of this route, and the host that rules match; by default the `host` of the "
        "traffic",
    )
    headers: dict[str, str] = Field(
        default={},
        description="further headers: `{X-Version: b}`, `{Cookie: version=b}`; the client's own are refused (Host, "
        "X-Request-ID, Connection, headers of the body …)",
    )
    cookie: str = Field(
        default=default_of(Route, "cookie"),
        description="name of a cookie: each session sends back the value that an answer has set; only with `sessions`",
    )
    sessions: Annotated[int, Field(ge=1, le=MOST_SESSIONS)] | None = Field(
        default=None,
        description="number of visitors that take turns, in each stream and each traffic process; only with `cookie`",
    )
    answers: Texts = Field(
        default=[],
        description="globs of the whole body, stripped; by default any body is right; a change may make further "
        "answers right",
    )
    statuses: Statuses = Field(
        default=[], description="the statuses that are right: `304`, `[200, 404]`; by default any 2xx"
    )
    body: str | None = Field(default=None, description='the one right body, byte for byte in UTF-8: `"ok\\n"`')
    regex: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="regular expression (Python's) that must be found in the body: `^apple-v[12]$`",
    )


class TlsPart(ExperimentPart):
    """The settings of an entry with TLS."""

    verify: bool = Field(default=default_of(Tls, "verify"), description="check the certificate and the name in it")
    ca: str = Field(
        default=default_of(Tls, "ca"),
        description="PEM file with the trusted authorities; by default those of the system",
    )
    server_name: str = Field(
        default=default_of(Tls, "server_name"),
        description="name of the server, sent as SNI and checked; by default the name in `host`, else the address",
    )


class PoolPart(ExperimentPart):
    """The pool of kept connections."""

    size: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=default_of(Pool, "size"), description="kept connections, opened as the first attempts need them"
    )
    order: Annotated[PoolOrder, BeforeValidator(is_one_of(get_args(PoolOrder)))] = Field(
        default=default_of(Pool, "order"),
        description="next idle connection: `fifo` takes the one idle for longest, `lifo` the one used last",
    )
    look: bool = Field(
        default=default_of(Pool, "look"), description="look for a closed peer before reuse, as careful clients do"
    )


class RampPart(ExperimentPart):
    """A rate that changes evenly."""

    model_config = ConfigDict(title="ramp")

    start: RatePerSecond = Field(alias="from", description="rate at the beginning")
    end: RatePerSecond = Field(alias="to", description="rate at the end")
    seconds: Duration = Field(
        alias="over", description=f"time from `from` to `to`, {duration_text(SHORTEST_LEG)} or more"
    )


class HoldPart(ExperimentPart):
    """A constant rate for some time."""

    model_config = ConfigDict(title="step")

    rate: RatePerSecond = Field(description="rate of this step")
    seconds: Duration | None = Field(
        alias="for",
        default=None,
        description=f"time of this step, {duration_text(SHORTEST_LEG)} or more; only the last step can do without",
    )


_RateForms = RatePerSecond | RampPart | Annotated[list[HoldPart | RampPart], Field(min_length=1, max_length=MOST_STEPS)]


class TrafficPart(ExperimentPart):
    """The traffic plan. ``parse_rate_at`` validates the rate, which has several forms."""

    rate: Annotated[Any, BeforeValidator(_as_it_is, json_schema_input_type=_RateForms)] = Field(
        description="attempts per second, over all streams; each stream (path x method x connection) needs a request "
        f"at least every {LONGEST_INTERVAL:g} s"
    )
    paths: Annotated[
        list[Annotated[PathPart, BeforeValidator(_as_path, json_schema_input_type=UrlPath | PathPart)]],
        Field(min_length=1, max_length=200),
    ] = Field(description="paths that get traffic")
    methods: Annotated[list[MethodWord], Field(min_length=1)] = Field(
        default=[method.name for method in default_of(TrafficPlan, "methods")],
        description="HTTP methods; POST, PUT and PATCH carry 8 bytes; of an answer to HEAD only the status is judged",
    )
    bodies: bool = Field(
        default=default_of(TrafficPlan, "bodies"),
        description="send a body with POST, PUT and PATCH; some proxies repeat a request without one after a failure",
    )
    connections: Annotated[list[ShapeWord], Field(min_length=1)] = Field(
        default=[shape.word for shape in default_of(TrafficPlan, "shapes")],
        description="; ".join(f"`{shape.word}`: {facts.summary}" for shape, facts in SHAPES.items()),
    )
    pool: PoolPart = Field(default=PoolPart(), description="the pool of kept connections")
    baseline: Duration = Field(
        default=default_of(TrafficPlan, "baseline"),
        description=f"traffic before the change, {SHORTEST_PHASE:g}s or more",
    )
    settle: Duration = Field(
        default=default_of(TrafficPlan, "settle"),
        description="traffic after the last of: change observed, old pods gone, ingress synced; "
        f"{SHORTEST_PHASE:g}s or more",
    )
    timeout: Duration = Field(
        default=default_of(TrafficPlan, "timeout"),
        description="timeout of an attempt from its start to its end, connecting included; the delay of a `slow` "
        "answer comes on top",
    )
    concurrency: Annotated[int, Field(ge=1, le=MOST_CONCURRENCY)] = Field(
        default=default_of(TrafficPlan, "concurrency"), description="attempts that may be open at once"
    )
    host: str = Field(
        default=default_of(TrafficPlan, "host"),
        description="the `Host` header, and the host that Ingress rules match",
    )
    tls: TlsPart | None = Field(
        default=default_of(TrafficPlan, "tls"),
        description="use TLS; `{}` is enough; by default plain HTTP",
    )
    arrivals: Annotated[Arrivals, BeforeValidator(is_one_of(get_args(Arrivals)))] = Field(
        default=default_of(TrafficPlan, "arrivals"),
        description="`even`: at equal intervals; `poisson`: at random intervals of the same mean, as from many "
        "independent users",
    )
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = Field(
        default=None,
        description="seed of the random intervals: the same seed gives the same intervals in every trial; "
        f"by default {default_of(TrafficPlan, 'seed')}; only with `arrivals: poisson`",
    )
    idle: Duration | None = Field(
        default=None,
        description="idle time of a connection before it is used again; required with the connection kind `idle`",
    )
    slow: Duration | None = Field(
        default=None,
        description="delay of slow answers, sent to the application as `?delay=2s`; required with the connection kind "
        "`slow`",
    )
    preopened: Duration | None = Field(
        default=None,
        description="time for which a connection is open and unused before its request, at least; required with the "
        "connection kind `preopened`",
    )


class MatchPart(ExperimentPart):
    """A match of cells; further fields are axes of the matrix."""

    model_config = ConfigDict(
        extra="allow",
        strict=True,
        frozen=True,
        json_schema_extra={"additionalProperties": {"type": ["string", "array"], "items": {"type": "string"}}},
    )

    configuration: Texts = Field(default=[], description="names or globs of configurations; by default any")
    change: Texts = Field(default=[], description="names or globs of changes; by default any")


class ExpectPart(MatchPart):
    """A match of cells with the expected verdict."""

    verdict: VerdictWord = Field(description="`any` accepts lossless and lossy, never inconclusive")
    classes: Classes = Field(
        default=[*default_of(Expectation, "classes")],
        alias="class",
        description="one of these must be among the losses; by default any class",
    )
    window: Duration = Field(
        default=default_of(Expectation, "window"),
        description="longest time from the start of the change to a loss; `0s` sets no limit",
    )
    reason: str = Field(default=default_of(Expectation, "reason"), description="the reason, for the report")
    hidden: AtMost = Field(
        default=default_of(Expectation, "hidden"),
        description="most requests that a proxy may save by trying again; by default any number",
    )
    twice: AtMost = Field(
        default=default_of(Expectation, "twice"),
        description="most requests that pods may execute more than once; by default any number",
    )


class PatchedPart(ExperimentPart):
    """A value of an axis. ``parse_matrix`` validates it; this describes it for editors."""

    patch: str | dict[str, Any] | Annotated[list[str | dict[str, Any]], Field(min_length=1)] = Field(
        default={}, description="a patch file, a partial object, or a list of these, applied in order"
    )


_Axes = Annotated[dict[str, Annotated[dict[Name, PatchedPart | None], Field(min_length=1)]], Field(min_length=1)]


class ModelPart(ExperimentPart):
    """The stand-in or the command that the embedded cluster runs in place of an image that it does not have."""

    stop: EndingWord = Field(
        default=default_of(StandInModel, "ending"), description="its behaviour at SIGTERM: one of the four words"
    )
    ready: Duration = Field(
        default=default_of(StandInModel, "ready"), description="time from its start until it listens"
    )
    ports: list[Annotated[int, Field(ge=1, le=65535)]] = Field(
        default=[*default_of(StandInModel, "ports")], description="ports besides those that the container declares"
    )
    shell: bool | None = Field(
        default=default_of(StandInModel, "shell"),
        description="the image has a shell and `sleep`; without, an exec hook fails as in such an image; "
        "by default it has them, unless it is known to lack them",
    )
    command: list[Annotated[str, Field(min_length=1)]] = Field(
        default=[],
        description="run this program of your machine instead of a stand-in: its path relative to this file, "
        "and its arguments",
    )


#: A model, or its behaviour at SIGTERM alone.
_Model = Annotated[ModelPart, BeforeValidator(_as_model, json_schema_input_type=EndingWord | ModelPart)]


class Head(ExperimentPart):
    """The whole file. Parts with models of their own are validated by their parsers."""

    version: Literal[1] = Field(default=VERSION, description="version of this format")
    name: Name = Field(description="name of the Experiment, part of the name of the run directory")
    description: str = Field(default=default_of(Experiment, "description"), description="a paragraph for the report")
    labels: dict[str, str] = Field(default=default_of(Experiment, "labels"), description="copied into the results")
    workload: Texts = Field(description="manifests: files, or folders of `.yaml`, `.yml` and `.json` files")
    ingress: ControllerWord = Field(default=DEFAULT.word, description="the ingress controller in front")
    models: dict[str, _Model] = Field(
        default={},
        description="stand-ins and commands on the embedded cluster, by patterns of images such as `shop:*`; "
        "the first match counts",
    )
    entry: EntryPart | None = Field(
        default=None,
        description="with `ingress: none`: the Service that gets all traffic; by default traffic enters by the ingress",
    )
    traffic: Annotated[Any, BeforeValidator(_as_it_is, json_schema_input_type=TrafficPart)] = Field(
        description="the traffic of every trial"
    )
    matrix: Annotated[Any, BeforeValidator(_as_it_is, json_schema_input_type=_Axes)] = Field(
        default=None, description="axes of named patches; by default there is one configuration, `default`"
    )
    changes: Any = Field(description="changes that are made under traffic")
    trials: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=default_of(Experiment, "trials"), description="number of trials of each cell"
    )
    control: bool = Field(default=True, description="add the change `none` if it is not listed")
    exclude: Annotated[Any, BeforeValidator(_as_it_is, json_schema_input_type=list[MatchPart] | None)] = Field(
        default=None, description="cells that are not run"
    )
    expect: Annotated[Any, BeforeValidator(_as_it_is, json_schema_input_type=list[ExpectPart] | None)] = Field(
        default=None, description="expected verdicts; a cell without an entry is expected to be lossless"
    )
