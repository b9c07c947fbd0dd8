"""HTTP/1.1 as bytes: what an attempt sends."""

from __future__ import annotations

from dataclasses import dataclass

from harness.model.attempt import Method, Shape
from harness.model.schedule import Stream

#: What a POST or PUT carries: a body of known length, so that a server that reads it can tell whether it got all of it.
POST_BODY = b"attempt\n"
_WITH_BODY = frozenset({Method.POST, Method.PUT})
#: What is said of every client, unless the stream says it itself.
_USUAL = ("User-Agent: harness", "Accept: */*")
#: Shapes whose attempts have a connection each.
_OWN_CONNECTION = frozenset({Shape.NEW, Shape.SLOW})


@dataclass(frozen=True, slots=True)
class RequestForm:
    """The bytes of a stream's requests around the attempt's number."""

    before: bytes
    after: bytes

    @classmethod
    def of(cls, stream: Stream, *, host: str, token: str) -> RequestForm:
        """The form of a stream's requests.

        Attempts on new connections ask for the connection to be closed after the answer, as clients do that open one
        per request; those on pooled connections say nothing, which in HTTP/1.1 keeps it. What is to be slow asks the
        application for a delay in its query.

        Args:
            stream: What is sent.
            host: The ``Host`` header, where the stream has none of its own.
            token: What the attempt's id begins with: ``<token>-<number>``.
        """
        given = {name.lower() for name, _ in stream.headers}
        fields = [field for field in _USUAL if field.partition(":")[0].lower() not in given]
        fields += [f"{name}: {value}" for name, value in stream.headers]
        if stream.shape in _OWN_CONNECTION:
            fields.append("Connection: close")
        body = b""
        if stream.method in _WITH_BODY:
            body = POST_BODY
            fields += ["Content-Type: text/plain", f"Content-Length: {len(body)}"]
        head = (
            f"{stream.method.name} {_target(stream)} HTTP/1.1\r\nHost: {stream.host or host}\r\nX-Request-ID: {token}-"
        )
        return cls(head.encode(), ("\r\n" + "\r\n".join(fields) + "\r\n\r\n").encode() + body)

    def request(self, number: int, cookie: bytes = b"") -> bytes:
        """The request of the attempt with this number; ``cookie`` is ``name=value``, empty for none."""
        if cookie:
            return b"%b%d\r\nCookie: %b%b" % (self.before, number, cookie, self.after)
        return b"%b%d%b" % (self.before, number, self.after)


def _target(stream: Stream) -> str:
    """Path and query."""
    if not stream.delay:
        return stream.path
    return f"{stream.path}{'&' if '?' in stream.path else '?'}delay={stream.delay:g}s"
