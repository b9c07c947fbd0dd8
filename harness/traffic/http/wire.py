"""The bytes of HTTP/1.1 requests."""

from __future__ import annotations

from dataclasses import dataclass

from harness.model.attempt import Method
from harness.model.schedule import Stream
from harness.model.shapes import SHAPES
from harness.model.trace_context import trace_ids, trace_seed

#: The body of a POST, PUT or PATCH; with its length a server can tell whether it got all of it.
POST_BODY = b"attempt\n"
_WITH_BODY = frozenset({Method.POST, Method.PUT, Method.PATCH})
#: Header fields of every request, unless the stream has its own.
_USUAL = ("User-Agent: harness", "Accept: */*")


@dataclass(frozen=True, slots=True)
class RequestForm:
    """The bytes of a stream's requests around the attempt's number.

    Attributes:
        before: The bytes before it.
        after: The bytes after it.
        seed: Seed of the trace context that each request carries; None for none.
    """

    before: bytes
    after: bytes
    seed: int | None = None

    @classmethod
    def of(cls, stream: Stream, *, host: str, token: str, traced: bool = False) -> RequestForm:
        """Build the form of a stream's requests.

        An attempt whose connection carries nothing else asks for the connection to be closed after the answer, as
        clients do that open one per request. An attempt whose connection is kept says nothing, which keeps it in
        HTTP/1.1. A stream with a delay asks the application for it in the query.

        Args:
            stream: The stream.
            host: The ``Host`` header of a stream without one of its own.
            token: The prefix of the attempt's id: ``<token>-<number>``.
            traced: Each request carries a ``traceparent`` of its own, unless the stream has one.
        """
        given = {name.lower() for name, _ in stream.headers}
        fields = [field for field in _USUAL if field.partition(":")[0].lower() not in given]
        fields += [f"{name}: {value}" for name, value in stream.headers]
        if not SHAPES[stream.shape].source.keeps:
            fields.append("Connection: close")
        body = b""
        if stream.method in _WITH_BODY:
            body = POST_BODY if stream.bodies else b""
            fields += ["Content-Type: text/plain"] if body else []
            fields.append(f"Content-Length: {len(body)}")
        first = f"{stream.method.name} {_path_and_query(stream)} HTTP/1.1"
        head = f"{first}\r\nHost: {stream.host or host}\r\nX-Request-ID: {token}-"
        seed = trace_seed(token) if traced and "traceparent" not in given else None
        return cls(head.encode(), ("\r\n" + "\r\n".join(fields) + "\r\n\r\n").encode() + body, seed)

    def request(self, number: int, cookie: bytes = b"") -> bytes:
        """Return the request of the attempt with this number; ``cookie`` is ``name=value``, empty for none."""
        if self.seed is not None:
            trace = b"\r\ntraceparent: 00-%032x-%016x-01" % trace_ids(self.seed, number)
            cookie = b"\r\nCookie: " + cookie if cookie else b""
            return b"%b%d%b%b%b" % (self.before, number, trace, cookie, self.after)
        if cookie:
            return b"%b%d\r\nCookie: %b%b" % (self.before, number, cookie, self.after)
        return b"%b%d%b" % (self.before, number, self.after)


def _path_and_query(stream: Stream) -> str:
    """Return path and query."""
    if not stream.delay:
        return stream.path
    return f"{stream.path}{'&' if '?' in stream.path else '?'}delay={stream.delay:g}s"
