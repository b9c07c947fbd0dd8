"""The codes of an attempt: one request that is tried exactly once.

Ledgers on disk store the codes, so a number never gets another meaning.
"""

from __future__ import annotations

from enum import IntEnum


class Outcome(IntEnum):
    """The end of an attempt. An intent on disk has ``UNFINISHED`` until the outcome is known."""

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
        """Return the name in files and reports: ``timeout-connect``."""
        return self.name.lower().replace("_", "-")


#: The outcomes that are a lost request. ``UNFINISHED``, ``CLIENT_FAULT`` and ``MISSED`` are no losses: the evidence is
#: incomplete, or our own machine failed. They never count as success either.
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
    """The stage that an attempt reached; later stages imply the earlier ones."""

    NOT_CONNECTED = 0
    CONNECTED = 1
    SENT = 2
    PARTLY_ANSWERED = 3
    ANSWERED = 4


#: Begin of the text that identifies the answer of a redirect; its target follows.
REDIRECT = "redirect to "


class Method(IntEnum):
    """HTTP methods of attempts. A proxy may not silently retry a ``POST``."""

    GET = 0
    POST = 1
    HEAD = 2
    PUT = 3
    DELETE = 4
    PATCH = 5
    OPTIONS = 6


class CloseReason(IntEnum):
    """The side that ended a connection, as the client saw it."""

    OPEN = 0
    BY_US = 1
    PEER_FIN = 2
    PEER_RST = 3
    BROKEN = 4
    PEER_ANNOUNCED = 5
