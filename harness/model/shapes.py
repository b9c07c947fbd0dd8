"""Connection shapes: one table with every fact about each of them.

A stream of attempts lies on three independent axes:

- the source of its connections (``ConnectionSource``),
- the delay that it asks the application for (seconds, 0 for none),
- the protocol on its connections (``WireProtocol``).

A ``Shape`` is the number in ledgers and the word in files for a point on the first two axes.
No other module names a shape: it asks the row in ``SHAPES`` for the fact that it needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum, auto


class Shape(IntEnum):
    """A connection shape. Ledgers store the number, so a number never gets another meaning."""

    NEW = 0
    REUSED = 1
    IDLE = 2
    SLOW = 3
    PREOPENED = 4

    @property
    def word(self) -> str:
        """Return the name in files, options and reports: ``reused``."""
        return self.name.lower()


class ConnectionSource(Enum):
    """The way in which an attempt obtains its connection.

    ``OWN``: opened when the attempt begins. ``POOL``: taken from a pool of fixed size. ``RESTED``: kept after an
    earlier answer, and unused for a while. ``AHEAD``: opened ahead of need, and unused until this attempt.
    """

    OWN = auto()
    POOL = auto()
    RESTED = auto()
    AHEAD = auto()

    @property
    def keeps(self) -> bool:
        """Return True if a connection is kept after an answer; otherwise it carries a single request."""
        return self in {ConnectionSource.POOL, ConnectionSource.RESTED}


class WireProtocol(Enum):
    """The protocol that a connection speaks; the third axis of a stream."""

    HTTP1 = "http/1.1"


@dataclass(frozen=True, slots=True)
class ShapeDuration:
    """A duration that a plan must give for a shape.

    Attributes:
        field: Name of the field in Experiment files and in ``TrafficPlan``.
        meaning: Its meaning, for messages.
        is_delay: True for the delay of answers; False for the time that a connection waits unused.
        unused: The state of a connection that has waited, for messages: ``been idle``.
    """

    field: str
    meaning: str
    is_delay: bool = False
    unused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeFacts:
    """Everything that sets a shape apart from others.

    Attributes:
        source: How its attempts obtain their connections.
        summary: The shape in a few words, for the reference.
        stream: The shape as the end of a stream's name: ``on new connections``.
        lost: The same after a number of lost requests: ``on new``.
        duration: The duration that it requires; None for none.
        guard: Code of the finding that keeps a stream from looking lossless although it never met the change.
            Empty only where every attempt shows the shape by itself.
        is_usual: True if plans that name no shape have it, and accounts of losses always name it.
    """

    source: ConnectionSource
    summary: str
    stream: str
    lost: str
    duration: ShapeDuration | None = None
    guard: str = ""
    is_usual: bool = False

    @property
    def field(self) -> str:
        """Return the name of its duration's field in plans; empty for a shape without one."""
        return self.duration.field if self.duration is not None else ""

    @property
    def needs_application(self) -> bool:
        """Return True if the application must help, by delaying its answers on demand."""
        return self.duration is not None and self.duration.is_delay

    @property
    def waits(self) -> bool:
        """Return True if a connection must have waited unused for the shape's duration."""
        return self.duration is not None and not self.duration.is_delay


#: Every shape.
SHAPES: Mapping[Shape, ShapeFacts] = {
    Shape.NEW: ShapeFacts(
        source=ConnectionSource.OWN,
        summary="a connection for each attempt",
        stream="on new connections",
        lost="on new",
        is_usual=True,
    ),
    Shape.REUSED: ShapeFacts(
        source=ConnectionSource.POOL,
        summary="one of the pool",
        stream="on reused connections",
        lost="on reused connections",
        guard="never-reused",
        is_usual=True,
    ),
    Shape.IDLE: ShapeFacts(
        source=ConnectionSource.RESTED,
        summary="one idle for `idle`",
        stream="on idle connections",
        lost="on idle ones",
        duration=ShapeDuration("idle", "the idle time of a connection", unused="been idle"),
        guard="never-idle",
    ),
    Shape.SLOW: ShapeFacts(
        source=ConnectionSource.OWN,
        summary="a new one with a slow answer",
        stream="with slow answers",
        lost="with slow answers",
        duration=ShapeDuration("slow", "the delay of its answers", is_delay=True),
        guard="nothing-under-way",
    ),
    Shape.PREOPENED: ShapeFacts(
        source=ConnectionSource.AHEAD,
        summary="an unused one, opened `preopened` ago",
        stream="on preopened connections",
        lost="on preopened ones",
        duration=ShapeDuration(
            "preopened", "the time from opening a connection to its request", unused="been open and unused"
        ),
        guard="never-preopened",
    ),
}

#: The shapes of a plan that names none.
DEFAULT_SHAPES = tuple(shape for shape, facts in SHAPES.items() if facts.is_usual)

#: The shapes whose connections are kept after an answer.
KEPT_SHAPES = tuple(shape for shape, facts in SHAPES.items() if facts.source.keeps)


def shapes_from(source: ConnectionSource) -> tuple[Shape, ...]:
    """Return the shapes whose attempts obtain their connections in one way."""
    return tuple(shape for shape, facts in SHAPES.items() if facts.source is source)


def part_from(shapes: Sequence[Shape], source: ConnectionSource) -> float:
    """Return the part of all attempts, 0 to 1, whose connections come from a source."""
    return sum(SHAPES[shape].source is source for shape in shapes) / len(shapes)
