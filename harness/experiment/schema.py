"""The parts of an Experiment file as pydantic models: which fields there are, their types and their defaults.

Only what a field is by itself is said here; how fields belong together is checked by the modules that read the parts.
``docs/experiments.md`` describes the same for people.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from harness.experiment.quantities import Duration, Rate
from harness.model.controllers import CONTROLLERS, DEFAULT

#: Names become parts of file names (``graceful--rolling-update``), so they have no ``--`` and no separators.
NAME = r"^[A-Za-z0-9]+([._-][A-Za-z0-9]+)*$"

#: What a ``Host`` header says.
HOST = r"^[A-Za-z0-9._-]+(:\d+)?$"

#: Attempts that may be open at once: more than a process can have connections.
MOST_CONCURRENCY = 100_000

#: Sessions that may take turns: beyond it none of them would come twice in a trial.
MOST_SESSIONS = 10_000

#: The version of the format that this harness reads; a file that names none has this one.
VERSION = 1

Name = Annotated[str, Field(pattern=NAME)]


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _as_numbers(value: Any) -> Any:
    return [value] if isinstance(value, int) and not isinstance(value, bool) else value


def _as_path(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


def _as_controller(value: Any) -> Any:
    if isinstance(value, str) and value in CONTROLLERS:
        return value
    *words, last = [f"'{word}'" for word in CONTROLLERS]
    expected = f"{', '.join(words)} or {last}"
    raise PydanticCustomError("literal_error", "Input should be {expected}", {"expected": expected})


#: The word of an ingress controller.
ControllerWord = Annotated[str, BeforeValidator(_as_controller), Field(json_schema_extra={"enum": [*CONTROLLERS]})]

#: One text, or a list of them.
Texts = Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1)]

#: One status of a final answer, or a list of them.
Statuses = Annotated[list[Annotated[int, Field(ge=200, le=599)]], BeforeValidator(_as_numbers), Field(min_length=1)]


class Part(BaseModel):
    """A part of the file: unknown fields and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class EntryPart(Part):
    """Where traffic enters that leads past the ingress."""

    service: Annotated[str, Field(min_length=1)]


class Head(Part):
    """The whole file, with the parts that have models of their own left open."""

    version: Literal[1] = VERSION
    name: Name
    description: str = ""
    labels: dict[str, str] = {}
    workload: Texts
    ingress: ControllerWord = DEFAULT.word
    entry: EntryPart | None = None
    traffic: Any
    matrix: Any = None
    changes: Any
    trials: Annotated[int, Field(ge=1, le=1000)] = 1
    control: bool = True
    exclude: Any = None
    expect: Any = None


class PathPart(Part):
    """One path that gets traffic, and how it is asked for."""

    path: Annotated[str, Field(pattern=r"^/\S*$")]
    name: Name | None = None
    host: Annotated[str, Field(pattern=HOST)] | None = None
    headers: dict[str, str] = {}
    cookie: str = ""
    sessions: Annotated[int, Field(ge=1, le=MOST_SESSIONS)] | None = None
    answers: Texts = Field(default=[])
    statuses: Statuses = Field(default=[])
    body: str | None = None
    regex: Annotated[str, Field(min_length=1)] | None = None


class TlsPart(Part):
    """How an entry that speaks TLS is spoken to."""

    verify: bool = True
    ca: str = ""
    server_name: str = ""


class PoolPart(Part):
    """The pool of kept connections."""

    size: Annotated[int, Field(ge=1, le=10_000)] = 64
    order: Literal["fifo", "lifo"] = "fifo"
    look: bool = True


class RampPart(Part):
    """A rate that changes evenly."""

    start: Rate = Field(alias="from")
    end: Rate = Field(alias="to")
    seconds: Duration = Field(alias="over")


class HoldPart(Part):
    """A rate that stays for a while."""

    rate: Rate
    seconds: Duration | None = Field(alias="for", default=None)


class TrafficPart(Part):
    """The traffic plan, with the rate left open: it has several forms."""

    rate: Any
    paths: Annotated[list[Annotated[PathPart, BeforeValidator(_as_path)]], Field(min_length=1, max_length=200)]
    methods: Annotated[list[Literal["GET", "POST", "HEAD", "PUT", "DELETE"]], Field(min_length=1)] = ["GET"]
    connections: Annotated[list[Literal["new", "reused", "idle", "slow"]], Field(min_length=1)] = ["new", "reused"]
    pool: PoolPart = PoolPart()
    baseline: Duration = 3.0
    settle: Duration = 3.0
    timeout: Duration = 3.0
    concurrency: Annotated[int, Field(ge=1, le=MOST_CONCURRENCY)] = 1000
    host: str = ""
    tls: TlsPart | None = None
    arrivals: Literal["even", "poisson"] = "even"
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    idle: Duration | None = None
    slow: Duration | None = None


class MatchPart(Part):
    """Which cells are meant; further fields are axes of the matrix."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    configuration: Texts = Field(default=[])
    change: Texts = Field(default=[])


class ExpectPart(MatchPart):
    """What is expected of them."""

    verdict: Literal["lossless", "lossy", "any"]
    classes: Texts = Field(default=[], alias="class")
    window: Duration = 0.0
    reason: str = ""
