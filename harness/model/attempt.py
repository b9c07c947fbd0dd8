"""What can become of one request that is tried exactly once.

The codes are stored in ledgers on disk: a number, once given, keeps its meaning for good.
"""

from __future__ import annotations

from enum import IntEnum


class Outcome(IntEnum):
    """How an attempt ended. ``UNFINISHED`` is what the intent on disk says until the outcome is known."""

    UNFINISHED = 0
    OK = 1
    STATUS = 2
    REFUSED = 3
    RESET = 4
    CLOSED = 5
    TRUNCATED = 6
    TIMEOUT_CONNECT = 7
    TIMEOUT_RESPONSE = 8
    WRONG_ANSWER = 9
    MALFORMED = 10
    CLIENT_FAULT = 11
    MISSED = 12
    TLS = 13

    @property
    def label(self) -> str:
        """The name used in files and reports: ``timeout-connect``."""
        return self.name.lower().replace("_", "-")


#: The outcomes that are a lost request. ``UNFINISHED``, ``CLIENT_FAULT`` and ``MISSED`` are not: they say that
#: the evidence is incomplete or that our own machine failed, and never count as success either.
LOSSES = frozenset(
    {
        Outcome.STATUS,
        Outcome.REFUSED,
        Outcome.RESET,
        Outcome.CLOSED,
        Outcome.TRUNCATED,
        Outcome.TIMEOUT_CONNECT,
        Outcome.TIMEOUT_RESPONSE,
        Outcome.WRONG_ANSWER,
        Outcome.MALFORMED,
        Outcome.TLS,
    }
)


class Progress(IntEnum):
    """How far an attempt got; later stages imply the earlier ones."""

    NOT_CONNECTED = 0
    CONNECTED = 1
    SENT = 2
    PARTLY_ANSWERED = 3
    ANSWERED = 4


class Shape(IntEnum):
    """How an attempt came by its connection, and what it asked of it; each shape is planned and judged by itself.

    ``IDLE``: a kept connection that was not used for a while. ``SLOW``: a new one, on which the answer takes its time.
    """

    NEW = 0
    REUSED = 1
    IDLE = 2
    SLOW = 3


class Method(IntEnum):
    """HTTP methods that attempts use. ``POST`` is what a proxy may not silently retry."""

    GET = 0
    POST = 1
    HEAD = 2
    PUT = 3
    DELETE = 4


class CloseReason(IntEnum):
    """Who ended a connection, as the client saw it."""

    OPEN = 0
    BY_US = 1
    PEER_FIN = 2
    PEER_RST = 3
    BROKEN = 4
    PEER_ANNOUNCED = 5
