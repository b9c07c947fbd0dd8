"""The behaviours of the faulty server, each with the outcome that an exact detector reports.

Both sides use this table: the server acts by it, and the calibration plans by it.
It includes good but unusual answers, since a detector that reports a chunked body as a loss is useless too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from harness.model.attempt import Method, Outcome


class Ending(Enum):
    """The treatment of a connection after all bytes are sent.

    ``KEEP`` leaves it open. ``FIN`` is an orderly end, with TLS after ``close_notify``; ``CUT`` is a FIN without
    ``close_notify``. ``HANG`` sends nothing more and waits for the client to end it.
    """

    KEEP = auto()
    FIN = auto()
    CUT = auto()
    RST = auto()
    HANG = auto()


@dataclass(frozen=True, slots=True)
class Fault:
    """One behaviour, requested by the path ``/fault/<name>``.

    Attributes:
        name: Its name.
        expected: The outcome of an attempt that meets it.
        answer: All bytes that the server sends.
        ending: The treatment of the connection after that.
        answers: Right bodies for the attempt's route; empty accepts any.
        byte_by_byte: The server sends the answer in single bytes.
        delay: Seconds before it sends the answer.
        statuses: Right statuses for the attempt's route; empty accepts any 2xx.
        methods: The methods that can meet it.
        only_tls: It is a fault only with TLS.
    """

    name: str
    expected: Outcome
    answer: bytes = b""
    ending: Ending = Ending.KEEP
    answers: tuple[str, ...] = ("ok",)
    byte_by_byte: bool = False
    delay: float = 0.0
    statuses: tuple[int, ...] = ()
    methods: tuple[Method, ...] = (Method.GET, Method.POST)
    only_tls: bool = False

    @property
    def path(self) -> str:
        """Return the path that requests it."""
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
    Fault("rst-inside-chunk", Outcome.TRUNCATED, _CHUNKED + b"2\r\nok\r\n", Ending.RST),
    Fault("fin-before-last-chunk", Outcome.TRUNCATED, _CHUNKED + b"2\r\nok\r\n", Ending.FIN),
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
    Fault("two-lengths", Outcome.MALFORMED, _answer(fields="Content-Length: 3\r\n"), Ending.FIN),
    Fault("no-length-cut", Outcome.TRUNCATED, b"HTTP/1.0 200 OK\r\n\r\nok", Ending.CUT, only_tls=True),
    # Good but unusual answers.
    Fault("slow", Outcome.OK, _answer(), delay=0.1),
    Fault("chunked", Outcome.OK, _CHUNKED + b"1;x=y\r\no\r\n1\r\nk\r\n0\r\nX-Trailer: 1\r\n\r\n"),
    Fault("single-bytes", Outcome.OK, _answer(fields="X-Odd:\r\n"), byte_by_byte=True),
    Fault("interim", Outcome.OK, b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + _answer()),
    Fault("no-content", Outcome.OK, b"HTTP/1.1 204 No Content\r\n\r\n", answers=()),
    Fault(
        "not-modified",
        Outcome.OK,
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
        answers=(),
        statuses=(304,),
    ),
    Fault("to-head", Outcome.OK, _answer(b"", length=100), methods=(Method.HEAD,)),
    Fault("bare-lf", Outcome.OK, b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"),
    Fault("folded", Outcome.OK, _answer(fields="X-Long: a\r\n  b\r\n")),
    Fault("length-twice", Outcome.OK, _answer(fields="content-LENGTH : 2\r\n")),
    Fault("http10-kept", Outcome.OK, b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\nok"),
    Fault("rubbish-behind", Outcome.OK, _answer() + b"and more"),
    Fault("no-length", Outcome.OK, b"HTTP/1.0 200 OK\r\n\r\nok", Ending.FIN),
    Fault("announced-close", Outcome.OK, _answer(fields="Connection: close\r\n"), Ending.FIN),
    # Good answers, after which the server ends the connection unannounced.
    Fault("idle-fin", Outcome.OK, _answer(), Ending.FIN),
    Fault("idle-rst", Outcome.OK, _answer(), Ending.RST),
)

#: Every fault, by name.
FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in _TABLE}

#: Faults of TLS handshakes on a port of their own, requested by the server name (SNI). They need new connections, since
#: a connection has one handshake.
HANDSHAKES: Mapping[str, Fault] = {
    fault.name: fault
    for fault in (
        Fault("tls-garbage", Outcome.TLS, b"HTTP/1.1 400 Bad Request\r\n\r\n", Ending.CUT, only_tls=True),
        Fault("tls-alert", Outcome.TLS, bytes.fromhex("15030300020228"), Ending.CUT, only_tls=True),
        Fault("tls-fin", Outcome.CLOSED, b"", Ending.CUT, only_tls=True),
        Fault("tls-fin-inside", Outcome.CLOSED, bytes.fromhex("160303007a02"), Ending.CUT, only_tls=True),
        Fault("tls-rst", Outcome.RESET, b"", Ending.RST, only_tls=True),
        Fault("tls-hung", Outcome.TIMEOUT_CONNECT, b"", Ending.HANG, only_tls=True),
    )
}
