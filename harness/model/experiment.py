"""An Experiment and what follows from it: configurations, cells, trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from harness.model.attempt import Method, Shape
from harness.model.changes import ChangeSpec
from harness.model.rates import Rate

#: One Kubernetes object as read from a file.
Manifest = Mapping[str, Any]

#: Distances between slots: all the same, or random ones.
Arrivals = Literal["even", "poisson"]
#: The next idle connection of a pool: the one idle for longest, or the one used last.
PoolOrder = Literal["fifo", "lifo"]


@dataclass(frozen=True, slots=True)
class Route:
    """A path that gets traffic, and the answers that it may give. What is said of bodies is said of all of it at once.

    Attributes:
        path: Begins with ``/``.
        answers: Glob patterns of whole bodies (stripped); empty accepts any. A change may add to them.
        statuses: HTTP statuses that are right; empty accepts any 2xx.
        body: The one body that is right, byte for byte in UTF-8; None accepts any.
        regex: Regular expression that must be found in the body; empty accepts any.
        name: What tells it from another route of the same path; the path itself where empty.
        host: The ``Host`` header; that of the traffic plan where empty.
        headers: Further headers of each request, ``(name, value)``.
        cookie: Name of the cookie that keeps a session where it began; empty sends none back.
        sessions: How many sessions take turns, each sending back the cookie that it was given; 0 for none.
    """

    path: str
    answers: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()
    body: str | None = None
    regex: str = ""
    name: str = ""
    host: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    cookie: str = ""
    sessions: int = 0

    @property
    def key(self) -> str:
        """What it is called in answers, changes and reports: its name, or its path."""
        return self.name or self.path


@dataclass(frozen=True, slots=True)
class Tls:
    """How an entry that speaks TLS is spoken to.

    Attributes:
        verify: Check the certificate and the name in it.
        ca: Path of a PEM file with the authorities that are trusted; empty for the system's.
        server_name: The name that is asked for (SNI) and checked; empty for that of the ``Host`` header.
    """

    verify: bool = True
    ca: str = ""
    server_name: str = ""


@dataclass(frozen=True, slots=True)
class Pool:
    """The connections that reused attempts travel on.

    Attributes:
        size: How many connections are kept, opened one by one as the first attempts need them.
        order: ``fifo`` takes the one idle for longest, ``lifo`` the one used last.
        look: Look for a closed peer before reuse, as careful clients do.
    """

    size: int = 64
    order: PoolOrder = "fifo"
    look: bool = True


@dataclass(frozen=True, slots=True)
class TrafficPlan:
    """The traffic of every trial. Times in seconds; ``rate`` in attempts per second over all streams.

    A stream is one of methods x connections x routes; slots go to the streams in turn, so each gets the same share.

    Attributes:
        arrivals: ``even`` distances between slots, or random ones (``poisson``), the same for the same ``seed``.
        idle: How long a connection of the idle shape was not used before.
        slow: The delay that attempts of the slow shape ask the application for.
    """

    rate: Rate
    routes: tuple[Route, ...]
    methods: tuple[Method, ...] = (Method.GET,)
    shapes: tuple[Shape, ...] = (Shape.NEW, Shape.REUSED)
    pool: Pool = Pool()
    baseline: float = 3.0
    settle: float = 3.0
    timeout: float = 3.0
    concurrency: int = 1000
    host: str = ""
    tls: Tls | None = None
    arrivals: Arrivals = "even"
    seed: int = 0
    idle: float = 0.0
    slow: float = 0.0

    @property
    def patience(self) -> float:
        """The longest that any attempt may take from its begin to its end."""
        return self.timeout + (self.slow if Shape.SLOW in self.shapes else 0.0)


@dataclass(frozen=True, slots=True)
class Configuration:
    """One point of the matrix.

    Attributes:
        axes: ``(axis, value)`` in the file's order.
        manifests: The workload's objects with the values' patches applied.
    """

    axes: tuple[tuple[str, str], ...]
    manifests: tuple[Manifest, ...]

    @property
    def name(self) -> str:
        """``graceful``, or ``graceful/two`` with two axes."""
        return "/".join(value for _, value in self.axes) or "default"


class Expected(StrEnum):
    """What a cell is expected to show; ``ANY`` accepts lossless and lossy, never inconclusive."""

    LOSSLESS = "lossless"
    LOSSY = "lossy"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Expectation:
    """What is expected of a cell.

    Attributes:
        verdict: The verdict it must have.
        classes: Outcome labels of which at least one must be among the losses; empty accepts all.
        window: Longest time in seconds in which losses may lie, from the change's start; 0 for no limit.
        reason: The user's own words, for the report.
    """

    verdict: Expected = Expected.LOSSLESS
    classes: tuple[str, ...] = ()
    window: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """Configuration x Change."""

    configuration: Configuration
    change: ChangeSpec
    expectation: Expectation = Expectation()

    @property
    def id(self) -> str:
        """Fit for a file name: ``graceful--rolling-update``, ``graceful+two--restart``."""
        return f"{self.configuration.name.replace('/', '+')}--{self.change.name}"


@dataclass(frozen=True, slots=True)
class Assumption:
    """A field that decides about requests, and that the user has the harness assume to have no effect.

    Attributes:
        field: Its name: the path without list indices, or the annotation.
        object: Kind and name of the object that has it.
        effect: What a real cluster does with it, as a clause.
    """

    field: str
    object: str
    effect: str


@dataclass(frozen=True, slots=True)
class Experiment:
    """A whole Experiment, valid in itself.

    Attributes:
        name: For people and for the run directory.
        source: Path of the file it came from.
        files: Every file that was read for it (the source, workload, patches), to be kept as evidence.
        ingress: ``ingress-nginx``, ``traefik``, or ``none``, where traffic goes straight to a Service.
        traffic: The traffic of each trial.
        cells: In the order in which they are shown: configurations are rows, changes are columns.
        trials: How often each cell is run.
        description: One paragraph for the report; may be empty.
        entry: The Service that traffic goes straight to, as kube-proxy carries it out; empty enters by the ingress.
        assumed: Fields that the cluster does not carry out and that are assumed to have no effect: no verdict is
            better than inconclusive.
        inert: Fields of the workload without effect on requests, each with its objects.
        notices: What was left out of the workload's files, each as a sentence for people, with its place.
        stand_ins: Images that a stand-in of the embedded cluster runs in place of, each as a sentence for people.
    """

    name: str
    source: str
    files: tuple[str, ...]
    ingress: str
    traffic: TrafficPlan
    cells: tuple[Cell, ...]
    trials: int = 1
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    entry: str = ""
    assumed: tuple[Assumption, ...] = ()
    inert: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    stand_ins: tuple[str, ...] = ()
