"""Records of an Experiment and its parts: traffic, configurations, cells and expectations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from harness.model.attempt import Method
from harness.model.changes import ChangeSpec
from harness.model.rates import Rate, highest_rate
from harness.model.shapes import DEFAULT_SHAPES, SHAPES, Shape

#: One Kubernetes object as read from a file.
Manifest = Mapping[str, Any]

#: Distances between slots: equal or random.
Arrivals = Literal["even", "poisson"]
#: Choice of the next idle connection of a pool: the one idle for longest, or the one used last.
PoolOrder = Literal["fifo", "lifo"]


@dataclass(frozen=True, slots=True)
class Route:
    """A path that gets traffic, and its expected answers.

    If several fields restrict the body, all of them must hold.

    Attributes:
        path: Begins with ``/``.
        answers: Glob patterns of whole bodies (stripped); empty accepts any. A change may add more.
        statuses: Expected HTTP statuses; empty accepts any 2xx.
        body: Expected body, byte for byte in UTF-8; None accepts any.
        regex: Regular expression that must match within the body; empty accepts any.
        name: Name that distinguishes it from another route of the same path; empty means the path.
        host: The ``Host`` header; empty means that of the traffic plan.
        headers: Further headers of each request, ``(name, value)``.
        cookie: Name of the cookie that makes a session sticky; empty sends no cookie back.
        sessions: Number of sessions used in turn, each of which sends its own cookie back; 0 for none.
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
        """Return its name in answers, changes and reports: ``name``, or else the path."""
        return self.name or self.path


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS settings of the client.

    Attributes:
        verify: Check the certificate and the name in it.
        ca: Path of a PEM file with trusted certificate authorities; empty for the system's.
        server_name: Server name for SNI and the certificate check; empty for the ``Host`` header's.
    """

    verify: bool = True
    ca: str = ""
    server_name: str = ""


@dataclass(frozen=True, slots=True)
class Pool:
    """Pool of keep-alive connections for reused attempts.

    Attributes:
        size: Number of connections, opened one by one as the first attempts need them.
        order: ``fifo`` takes the one idle for longest, ``lifo`` the one used last.
        look: Check before reuse if the peer has closed the connection, as careful clients do.
    """

    size: int = 64
    order: PoolOrder = "fifo"
    look: bool = True


@dataclass(frozen=True, slots=True)
class TrafficPlan:
    """The traffic of every trial. Times are in seconds.

    A stream is one combination of method, kind of connection and route. Slots go to the streams in turn, so each gets
    the same share.

    Attributes:
        rate: Attempts per second over all streams; legs if it varies.
        routes: Paths that get traffic.
        methods: HTTP methods.
        shapes: Kinds of connections.
        pool: The pool of keep-alive connections.
        baseline: Time before the change.
        settle: Time after the change, once the system is at rest.
        timeout: Longest time for a connection, and for an answer.
        concurrency: Most attempts that are open at once.
        host: The ``Host`` header; empty for the entry's.
        tls: TLS settings; None for plain HTTP.
        seed: Seed of random distances.
        arrivals: ``even`` distances between slots, or random ones (``poisson``) that depend only on ``seed``.
        bodies: Send a body with POST, PUT and PATCH. Some proxies repeat a request without a body after a failure.
        idle: Minimum idle time of a connection before an attempt of the idle shape uses it.
        slow: Delay that attempts of the slow shape request from the application.
        preopened: Minimum time for which a connection of the preopened shape is open and unused before its attempt.
    """

    rate: Rate
    routes: tuple[Route, ...]
    methods: tuple[Method, ...] = (Method.GET,)
    shapes: tuple[Shape, ...] = DEFAULT_SHAPES
    pool: Pool = Pool()
    baseline: float = 3.0
    settle: float = 3.0
    timeout: float = 3.0
    concurrency: int = 1000
    host: str = ""
    tls: Tls | None = None
    arrivals: Arrivals = "even"
    seed: int = 0
    bodies: bool = True
    idle: float = 0.0
    slow: float = 0.0
    preopened: float = 0.0

    @property
    def patience(self) -> float:
        """Return the longest possible duration of an attempt, in seconds."""
        delays = (self.seconds_of(shape) for shape in self.shapes if SHAPES[shape].needs_application)
        return self.timeout + max(delays, default=0.0)

    def seconds_of(self, shape: Shape) -> float:
        """Return the duration that a shape requires, in seconds; 0 for a shape without one."""
        name = SHAPES[shape].field
        return float(getattr(self, name)) if name else 0.0


#: Limit of connections that wait unused for one shape: more than servers accept from one client.
MOST_WAITING = 10_000


def waiting_connections(plan: TrafficPlan, shape: Shape) -> float:
    """Return the number of connections that wait unused for a shape, as rate and duration require."""
    if not SHAPES[shape].waits:
        return 0.0
    return highest_rate(plan.rate) * plan.shapes.count(shape) / len(plan.shapes) * plan.seconds_of(shape)


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
        """Return the values of its axes: ``graceful``, or ``graceful/two`` with two axes."""
        return "/".join(value for _, value in self.axes) or "default"


class ExpectedVerdict(StrEnum):
    """Expected verdict of a cell; ``ANY`` accepts lossless and lossy, never inconclusive."""

    LOSSLESS = "lossless"
    LOSSY = "lossy"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Expectation:
    """The expected result of a cell.

    Attributes:
        verdict: The required verdict.
        classes: Outcome labels; at least one must be among the losses. Empty accepts all.
        window: Seconds from the change's start in which all losses must lie; 0 for no limit.
        reason: The user's reason, for the report.
        hidden: Most requests that a proxy may save by another try; None for no limit.
        twice: Most requests that pods may execute more than once; None for no limit.
    """

    verdict: ExpectedVerdict = ExpectedVerdict.LOSSLESS
    classes: tuple[str, ...] = ()
    window: float = 0.0
    reason: str = ""
    hidden: int | None = None
    twice: int | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """A combination of configuration and change.

    Attributes:
        configuration: The point of the matrix.
        change: The change that is made under traffic.
        expectation: The expected result.
    """

    configuration: Configuration
    change: ChangeSpec
    expectation: Expectation = Expectation()

    @property
    def id(self) -> str:
        """Return a name that is valid as file name: ``graceful--rolling-update``, ``graceful+two--restart``."""
        return f"{self.configuration.name.replace('/', '+')}--{self.change.name}"


@dataclass(frozen=True, slots=True)
class Assumption:
    """A field that affects requests, but that the user declared as having no effect.

    Attributes:
        field: Path of the field without list indices, or name of the annotation.
        object: Kind and name of the object that has it.
        effect: Its effect on a real cluster, as a clause.
    """

    field: str
    object: str
    effect: str


@dataclass(frozen=True, slots=True)
class Experiment:
    """A whole, valid Experiment.

    Attributes:
        name: Name for reports and for the run directory.
        source: Path of its file.
        files: Every file that was read for it (source, workload, patches), to keep as evidence.
        ingress: ``ingress-nginx``, ``traefik``, ..., or ``none`` if traffic goes directly to a Service.
        traffic: The traffic of each trial.
        cells: Cells in the order of reports: configurations are rows, changes are columns.
        trials: Number of trials per cell.
        description: One paragraph for the report; may be empty.
        labels: The user's labels, which are copied into the results.
        entry: Service to which traffic goes directly, as kube-proxy does it; empty means through the ingress.
        assumed: Fields that the cluster does not implement and that are assumed to have no effect. With any of them no
            verdict is better than inconclusive.
        inert: Fields of the workload without effect on requests, each with its objects.
        notices: Sentences about omitted parts of the workload and changes without traffic, each with file and line.
        stand_ins: Sentences about images in place of which the embedded cluster runs a stand-in or a command.
        commands: Commands that run in place of images, each as its folder, its program and its arguments.
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
    commands: tuple[tuple[str, ...], ...] = ()
