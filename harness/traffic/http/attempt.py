"""What a connection carries, and where it leads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.model.attempt import Progress
from harness.model.schedule import Stream
from harness.store.ledger_format import NEVER
from harness.traffic.http.cookies import Sessions
from harness.traffic.http.endpoint_choice import Dialler
from harness.traffic.http.tls import Secure

if TYPE_CHECKING:
    from harness.traffic.http.connection import Connection


@dataclass(frozen=True, slots=True)
class Target:
    """Where attempts go: a resolved address, as the ``socket`` module takes it, and whether TLS is spoken there.

    ``dialler`` chooses another address for each connection; None takes ``address`` for all.
    """

    family: int
    address: tuple[Any, ...]
    secure: Secure | None = None
    dialler: Dialler | None = None


class Attempt:
    """One request while it is under way; times in CLOCK_MONOTONIC.

    ``whole``: all of its answer's body is needed; ``sessions`` and ``cookie``: whose it is, and what it carried.
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
        self.connection: Connection | None = None
        self.carried = 0
        self.connected = NEVER
        self.first_byte = NEVER
        self.bytes_in = 0
        self.bytes_out = 0
        self.progress = Progress.NOT_CONNECTED
        self.done = False
        self.sessions: Sessions | None = None
        self.cookie = b""
