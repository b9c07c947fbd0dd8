"""The parts of an Experiment file as pydantic models: the fields, their types, their defaults and their meaning.

A model looks at each field by itself; the modules that read the parts check how fields belong together.
The tables of ``docs/experiments.md`` and the JSON Schema are generated from these models (``harness.reference`` and
``json_schema``), so a setting is described here and nowhere else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from harness.experiment.quantities import Duration, Rate
from harness.model.attempt import LOSSES, Method
from harness.model.controllers import CONTROLLERS, DEFAULT
from harness.model.experiment import Arrivals, Expectation, Expected, Experiment, Pool, PoolOrder, Tls, TrafficPlan
from harness.model.shapes import SHAPES

#: The version of the format that this harness reads; a file that names none has this one.
VERSION: Literal[1] = 1

#: Names become parts of file names (``graceful--rolling-update``), so they have no ``--`` and no separators.
NAME = r"^[A-Za-z0-9]+([._-][A-Za-z0-9]+)*$"

#: The value of a ``Host`` header.
HOST = r"^[A-Za-z0-9._-]+(:\d+)?$"

#: Where a request goes: a path with its query, if it has one.
PATH = r"^/\S*$"

#: Attempts that may be open at once: more than a process can have connections.
MOST_CONCURRENCY = 100_000

#: Sessions that may take turns: beyond it none of them would come twice in a trial.
MOST_SESSIONS = 10_000

#: More steps of a rate than anybody writes by hand.
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


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _as_numbers(value: Any) -> Any:
    return [value] if isinstance(value, int) and not isinstance(value, bool) else value


def _as_path(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


def _as_it_is(value: Any) -> Any:
    return value


def _is_one_of(words: Iterable[str]) -> Callable[[Any], Any]:
    """Return a validator that takes these words alone, with pydantic's error for a ``Literal``."""
    known = tuple(words)
    *most, last = [f"'{word}'" for word in known]
    expected = f"{', '.join(most)} or {last}"

    def check(value: Any) -> Any:
        if isinstance(value, str) and value in known:
            return value
        raise PydanticCustomError("literal_error", "Input should be {expected}", {"expected": expected})

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
    str, BeforeValidator(_is_one_of(CONTROLLERS)), Field(json_schema_extra={"enum": [*CONTROLLERS]})
]

MethodWord = Annotated[str, BeforeValidator(_is_one_of(_METHODS)), Field(json_schema_extra={"enum": _METHODS})]
ShapeWord = Annotated[str, BeforeValidator(_is_one_of(_SHAPES)), Field(json_schema_extra={"enum": _SHAPES})]
Verdict = Annotated[str, BeforeValidator(_is_one_of(Expected)), Field(json_schema_extra={"enum": [*Expected]})]
#: An outcome; the reader of the entries checks the word, and names the entry.
ClassWord = Annotated[str, Field(json_schema_extra={"enum": [*CLASSES]})]
Status = Annotated[int, Field(ge=200, le=599)]

#: One text, or a list of them.
Texts = Annotated[list[str], BeforeValidator(_as_list, json_schema_input_type=str | list[str]), Field(min_length=1)]
Classes = Annotated[
    list[ClassWord], BeforeValidator(_as_list, json_schema_input_type=ClassWord | list[ClassWord]), Field(min_length=1)
]

#: One status of a final answer, or a list of them.
Statuses = Annotated[
    list[Status], BeforeValidator(_as_numbers, json_schema_input_type=Status | list[Status]), Field(min_length=1)
]


class Part(BaseModel):
    """A part of the file: unknown fields and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class EntryPart(Part):
    """Where traffic enters that leads past the ingress."""

    service: Annotated[str, Field(min_length=1)] = Field(
        description="Service of the workload that gets all traffic, at its first port, as kube-proxy carries it out"
    )


class PathPart(Part):
    """One path that gets traffic, and how it is asked for."""

    path: UrlPath = Field(description="what is asked for; of a bare path any 2xx is right")
    name: Name | None = Field(
        default=None,
        description="what changes, `answers` and reports call the route, in place of its path; needed where two routes "
        "have one path",
    )
    host: Host | None = Field(
        default=None,
        description="the `Host` header of this route, and the host that rules are matched with, in place of the "
        "`host` of the traffic",
    )
    headers: dict[str, str] = Field(
        default={},
        description="further headers: `{X-Version: b}`, `{Cookie: version=b}`; the client's own are refused (Host, "
        "X-Request-ID, Connection, those of the body …)",
    )
    cookie: str = Field(
        default="",
        description="name of a cookie: each session keeps it as an answer has set it, and sends it back; only with "
        "`sessions`",
    )
    sessions: Annotated[int, Field(ge=1, le=MOST_SESSIONS)] | None = Field(
        default=None,
        description="number of visitors that take turns, in each stream and each traffic process; only with `cookie`",
    )
    answers: Texts = Field(
        default=[],
        description="globs of the whole body, stripped; any body is right without them; a change may make further "
        "answers right",
    )
    statuses: Statuses = Field(
        default=[], description="the statuses that are right: `304`, `[200, 404]`; any 2xx without them"
    )
    body: str | None = Field(default=None, description='the one right body, byte for byte in UTF-8: `"ok\\n"`')
    regex: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="regular expression (Python's) that must be found in the body: `^apple-v[12]$`",
    )


class TlsPart(Part):
    """How an entry that speaks TLS is spoken to."""

    verify: bool = Field(default=default_of(Tls, "verify"), description="check the certificate and the name in it")
    ca: str = Field(
        default=default_of(Tls, "ca"),
        description="PEM file with the authorities that are trusted; those of the system without it",
    )
    server_name: str = Field(
        default=default_of(Tls, "server_name"),
        description="the name that is asked for (SNI) and checked; without it the name in `host`, else the address",
    )


class PoolPart(Part):
    """The pool of kept connections."""

    size: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=default_of(Pool, "size"), description="kept connections, opened as the first attempts need them"
    )
    order: PoolOrder = Field(
        default=default_of(Pool, "order"),
        description="which idle connection is next: `fifo` the one idle for longest, `lifo` the one used last",
    )
    look: bool = Field(
        default=default_of(Pool, "look"), description="look for a closed peer before reuse, as careful clients do"
    )


class RampPart(Part):
    """A rate that changes evenly."""

    model_config = ConfigDict(title="ramp")

    start: Rate = Field(alias="from", description="rate at the beginning")
    end: Rate = Field(alias="to", description="rate at the end")
    seconds: Duration = Field(alias="over", description="time from the one to the other, 10ms or more")


class HoldPart(Part):
    """A rate that stays for a while."""

    model_config = ConfigDict(title="step")

    rate: Rate = Field(description="rate of this step")
    seconds: Duration | None = Field(
        alias="for", default=None, description="time of this step, 10ms or more; only the last step can do without"
    )


_RateForms = Rate | RampPart | Annotated[list[HoldPart | RampPart], Field(min_length=1, max_length=MOST_STEPS)]


class TrafficPart(Part):
    """The traffic plan, with the rate left open: it has several forms."""

    rate: Annotated[Any, BeforeValidator(_as_it_is, json_schema_input_type=_RateForms)] = Field(
        description="attempts per second, over all streams; each stream (path x method x connection) needs a request "
        "at least every 0.35 s"
    )
    paths: Annotated[
        list[Annotated[PathPart, BeforeValidator(_as_path, json_schema_input_type=UrlPath | PathPart)]],
        Field(min_length=1, max_length=200),
    ] = Field(description="what is asked for")
    methods: Annotated[list[MethodWord], Field(min_length=1)] = Field(
        default=[method.name for method in default_of(TrafficPlan, "methods")],
        description="HTTP methods; a POST and a PUT carry 8 bytes; of an answer to HEAD only the status is judged",
    )
    connections: Annotated[list[ShapeWord], Field(min_length=1)] = Field(
        default=[shape.word for shape in default_of(TrafficPlan, "shapes")],
        description="; ".join(f"`{shape.word}`: {facts.summary}" for shape, facts in SHAPES.items()),
    )
    pool: PoolPart = Field(default=PoolPart(), description="the kept connections")
    baseline: Duration = Field(
        default=default_of(TrafficPlan, "baseline"), description="traffic before the change, 1s or more"
    )
    settle: Duration = Field(
        default=default_of(TrafficPlan, "settle"),
        description="traffic after the last of: change observed, old pods gone, ingress synced; 1s or more",
    )
    timeout: Duration = Field(
        default=default_of(TrafficPlan, "timeout"), description="of an attempt: for connecting and for answering, each"
    )
    concurrency: Annotated[int, Field(ge=1, le=MOST_CONCURRENCY)] = Field(
        default=default_of(TrafficPlan, "concurrency"), description="attempts that may be open at once"
    )
    host: str = Field(
        default=default_of(TrafficPlan, "host"),
        description="the `Host` header, and the host that Ingress rules are matched with",
    )
    tls: TlsPart | None = Field(
        default=default_of(TrafficPlan, "tls"),
        description="the entry speaks TLS; `{}` is enough; plain HTTP without it",
    )
    arrivals: Arrivals = Field(
        default=default_of(TrafficPlan, "arrivals"),
        description="`even`: at even distances; `poisson`: at random ones of the same rate, as of many users who know "
        "nothing of each other",
    )
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = Field(
        default=None,
        description="other random distances; the same seed gives the same again, in every trial; 0 without it; only "
        "with `arrivals: poisson`",
    )
    idle: Duration | None = Field(
        default=None,
        description="how long a connection of the kind `idle` was not used before; required with that kind",
    )
    slow: Duration | None = Field(
        default=None,
        description="the delay that `?delay=2s` asks the application for; required with the connection kind `slow`",
    )
    preopened: Duration | None = Field(
        default=None,
        description="how long before its use a connection of the kind `preopened` was opened, at least; required with "
        "that kind",
    )


class MatchPart(Part):
    """Which cells are meant; further fields are axes of the matrix."""

    model_config = ConfigDict(
        extra="allow",
        strict=True,
        frozen=True,
        json_schema_extra={"additionalProperties": {"type": ["string", "array"], "items": {"type": "string"}}},
    )

    configuration: Texts = Field(default=[], description="names or globs of configurations; all without it")
    change: Texts = Field(default=[], description="names or globs of changes; all without it")


class ExpectPart(MatchPart):
    """What is expected of them."""

    verdict: Verdict = Field(description="`any` accepts lossless and lossy, never inconclusive")
    classes: Classes = Field(
        default=[*default_of(Expectation, "classes")],
        alias="class",
        description="one of these must be among the losses; any without it",
    )
    window: Duration = Field(
        default=default_of(Expectation, "window"),
        description="losses lie within this time from the change's start; `0s` sets no limit",
    )
    reason: str = Field(default=default_of(Expectation, "reason"), description="for the report")


class PatchedPart(Part):
    """A value of an axis. The reader of the matrix looks at it by itself: this describes it for editors."""

    patch: str | dict[str, Any] | Annotated[list[str | dict[str, Any]], Field(min_length=1)] = Field(
        default={}, description="a patch file, a partial object, or a list of these, applied in order"
    )


_Axes = Annotated[dict[str, Annotated[dict[Name, PatchedPart | None], Field(min_length=1)]], Field(min_length=1)]


class Head(Part):
    """The whole file, with the parts that have models of their own left open."""

    version: Literal[1] = Field(default=VERSION, description="version of this format")
    name: Name = Field(description="for people, and for the run directory")
    description: str = Field(default=default_of(Experiment, "description"), description="a paragraph for the report")
    labels: dict[str, str] = Field(
        default=default_of(Experiment, "labels"), description="carried into the results as they are"
    )
    workload: Texts = Field(description="manifests: files, or folders of `.yaml`, `.yml` and `.json` files")
    ingress: ControllerWord = Field(default=DEFAULT.word, description="the ingress controller in front")
    entry: EntryPart | None = Field(
        default=None, description="with `ingress: none`: traffic goes straight to a Service; by the ingress without it"
    )
    traffic: Annotated[Any, BeforeValidator(_as_it_is, json_schema_input_type=TrafficPart)] = Field(
        description="the traffic of every trial"
    )
    matrix: Annotated[Any, BeforeValidator(_as_it_is, json_schema_input_type=_Axes)] = Field(
        default=None, description="axes of named patches; without it the one configuration `default`"
    )
    changes: Any = Field(description="what is done under traffic")
    trials: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=default_of(Experiment, "trials"), description="how often each cell is run"
    )
    control: bool = Field(default=True, description="add the change `none` where it is not listed")
    exclude: Annotated[Any, BeforeValidator(_as_it_is, json_schema_input_type=list[MatchPart] | None)] = Field(
        default=None, description="cells that are not run"
    )
    expect: Annotated[Any, BeforeValidator(_as_it_is, json_schema_input_type=list[ExpectPart] | None)] = Field(
        default=None, description="what is expected; a cell without an entry is expected to be lossless"
    )
