"""What the faulty server does on demand, and what an exact detector must call it.

One table for both sides: the server acts by it, the calibration plans by it. Good but unusual answers are in it too,
since a detector that cries loss at a chunked body is as useless as one that is deaf.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from harness.model.attempt import Outcome


class Ending(Enum):
    """What the server does with the connection after its bytes are out."""

    KEEP = auto()
    FIN = auto()
    RST = auto()
    HANG = auto()


@dataclass(frozen=True, slots=True)
class Fault:
    """One behaviour, asked for by the path ``/fault/<name>``.

    Attributes:
        name: What it is called.
        expected: The outcome of an attempt that meets it.
        answer: All bytes that the server sends.
        ending: What it does then.
        answers: Right bodies for the attempt's route; empty accepts any.
        byte_by_byte: The answer is sent in single bytes.
    """

    name: str
    expected: Outcome
    answer: bytes = b""
    ending: Ending = Ending.KEEP
    answers: tuple[str, ...] = ("ok",)
    byte_by_byte: bool = False

    @property
    def path(self) -> str:
        """The path that asks for it."""
        return f"/fault/{self.name}"


def _answer(body: bytes = b"ok", status: str = "200 OK", *, length: int | None = None, fields: str = "") -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n{fields}\r\n".encode() + body


_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

_TABLE = (
    Fault("ok", Outcome.OK, _answer()),
    # Losses.
    Fault("fin-before", Outcome.CLOSED, b"", Ending.FIN),
    Fault("rst-before", Outcome.RESET, b"", Ending.RST),
    Fault("fin-inside-head", Outcome.TRUNCATED, b"HTTP/1.1 20", Ending.FIN),
    Fault("rst-inside-head", Outcome.TRUNCATED, b"HTTP/1.1 200 OK\r\nContent-", Ending.RST),
    Fault("fin-inside-body", Outcome.TRUNCATED, _answer(length=100), Ending.FIN),
    Fault("rst-inside-body", Outcome.TRUNCATED, _answer(length=100), Ending.RST),
    Fault("fin-inside-chunk", Outcome.TRUNCATED, _CHUNKED + b"8\r\nok", Ending.FIN),
    Fault("fin-after-interim", Outcome.TRUNCATED, b"HTTP/1.1 100 Continue\r\n\r\n", Ending.FIN),
    Fault("hung", Outcome.TIMEOUT_RESPONSE, b"", Ending.HANG),
    Fault("hung-inside-body", Outcome.TIMEOUT_RESPONSE, _answer(length=100), Ending.HANG),
    Fault("status-500", Outcome.STATUS, _answer(b"no", "500 Internal Server Error")),
    Fault("status-502", Outcome.STATUS, _answer(b"no", "502 Bad Gateway", fields="Connection: close\r\n"), Ending.FIN),
    Fault("status-503", Outcome.STATUS, _answer(b"ok", "503 Service Unavailable")),
    Fault("wrong-body", Outcome.WRONG_ANSWER, _answer(b"okay")),
    Fault("empty-body", Outcome.WRONG_ANSWER, _answer(b"")),
    Fault("garbage", Outcome.MALFORMED, b"what is this?\r\n\r\n", Ending.FIN),
    Fault("bad-chunk", Outcome.MALFORMED, _CHUNKED + b"zz\r\nok\r\n0\r\n\r\n", Ending.FIN),
    # Good, though not everyday.
    Fault("chunked", Outcome.OK, _CHUNKED + b"1;x=y\r\no\r\n1\r\nk\r\n0\r\nX-Trailer: 1\r\n\r\n"),
    Fault("single-bytes", Outcome.OK, _answer(fields="X-Odd:\r\n"), byte_by_byte=True),
    Fault("interim", Outcome.OK, b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + _answer()),
    Fault("no-content", Outcome.OK, b"HTTP/1.1 204 No Content\r\n\r\n", answers=()),
    Fault("no-length", Outcome.OK, b"HTTP/1.0 200 OK\r\n\r\nok", Ending.FIN),
    Fault("announced-close", Outcome.OK, _answer(fields="Connection: close\r\n"), Ending.FIN),
    # Good answers after which the connection is ended without a word.
    Fault("idle-fin", Outcome.OK, _answer(), Ending.FIN),
    Fault("idle-rst", Outcome.OK, _answer(), Ending.RST),
)

#: Every fault, by name.
FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in _TABLE}
