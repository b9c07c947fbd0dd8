"""An attempt under way, and the interfaces between a client and its connections.

A client owns connections and gives them attempts. A connection reports to its owner. Neither imports the other.
Each protocol has a class of connections of its own behind ``ClientConnection``.
"""

from __future__ import annotations

from typing import Protocol

from harness.model.attempt import CloseReason, Progress
from harness.model.schedule import Stream
from harness.model.shapes import Shape
from harness.store.ledger_format import NEVER
from harness.traffic.http.cookies import Sessions
from harness.traffic.http.destination import Destination
from harness.traffic.http.parsing import AnswerParser


class Attempt:
    """One request while it is under way; times in CLOCK_MONOTONIC.

    Attributes:
        whole: Judging needs the whole body of the answer.
        deadline: The end of its time.
        row: Its number in the ledger.
        carried: Requests that its connection had carried before.
        sessions: The sessions of its stream; None for none.
        cookie: The cookie that it carried.
    """

    __slots__ = (
        "bytes_in", "bytes_out", "carried", "connected", "connection", "cookie", "deadline", "done", "first_byte",
        "progress", "row", "sessions", "stream", "whole",
    )  # fmt: skip

    def __init__(self, stream: Stream, deadline: int, *, whole: bool = True) -> None:
        self.stream = stream
        self.whole = whole
        self.deadline = deadline
        self.row = -1
        self.connection: ClientConnection | None = None
        self.carried = 0
        self.connected = NEVER
        self.first_byte = NEVER
        self.bytes_in = 0
        self.bytes_out = 0
        self.progress = Progress.NOT_CONNECTED
        self.done = False
        self.sessions: Sessions | None = None
        self.cookie = b""


class ClientConnection(Protocol):
    """A connection that carries one attempt at a time.

    Attributes:
        number: Its number in the connection ledger.
        shape: The shape of attempts that it was opened for.
        kept: The client keeps it after an answer.
        begun: CLOCK_MONOTONIC at which opening began.
        connected: CLOCK_MONOTONIC at which it could carry requests; ``NEVER`` until then.
        port: The client's port; 0 until it is known.
        carried: Requests that it has carried, the present one included.
        attempt: The attempt that it carries now.
        end: Time, reason and errno of its end; None while it is open.
        parser: Parser of its present answer.
    """

    number: int
    shape: Shape
    kept: bool
    begun: int
    connected: int
    port: int
    carried: int
    attempt: Attempt | None
    end: tuple[int, CloseReason, int] | None
    parser: AnswerParser

    @property
    def reusable(self) -> bool:
        """True if it can carry another request after a complete answer."""

    @property
    def end_is_proven(self) -> bool:
        """True if the answer was complete by its own length, or the peer said by TLS that it had sent all of it.

        A FIN says neither: a killed process sends one, too.
        """

    def open(self, destination: Destination, attempt: Attempt | None = None, request: bytes = b"") -> None:
        """Connect, and send an attempt's request as soon as that is done. Never raises, never waits.

        Without an attempt the connection is opened ahead of need; its owner hears of it in ``opened``.
        """

    def send(self, attempt: Attempt, request: bytes) -> None:
        """Send a request on the open connection. Never raises, never waits."""

    def look(self) -> BaseException | None:
        """Return the reason why the idle connection is unfit for use; None if it is fit."""

    def last_look(self) -> None:
        """Take what has arrived before the deadline but is still unread because this process was late."""

    def note_end(self, error: BaseException, at: int) -> None:
        """Remember that the peer has ended it, but act as if it were open."""

    def close(self, reason: CloseReason, at: int, number: int = 0) -> None:
        """Close it; the first end that was seen stands.

        Args:
            reason: The side that ended it.
            at: CLOCK_MONOTONIC of the end.
            number: errno, if there was an error.
        """


class ConnectionOwner(Protocol):
    """The side that a connection reports to."""

    def opened(self, connection: ClientConnection) -> None:
        """Take note of a connection that was opened ahead of need and can carry requests now."""

    def advanced(self, attempt: Attempt, progress: Progress) -> None:
        """Take note of an attempt that has reached another stage."""

    def answered(self, connection: ClientConnection, attempt: Attempt, at: int) -> None:
        """Take a complete answer from ``connection.parser``."""

    def failed(self, connection: ClientConnection, attempt: Attempt, error: BaseException, at: int) -> None:
        """Take note of an attempt that ended without an answer, and of its useless connection."""

    def ended_idle(self, connection: ClientConnection, error: BaseException, at: int) -> None:
        """Take note of a connection that ended, or that brought unexpected data, while it carried nothing."""
