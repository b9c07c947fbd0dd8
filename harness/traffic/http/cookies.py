"""Sessions: what a browser would remember between its requests, so that stickiness can be seen.

A stream's attempts go to its sessions in turn. Each keeps the cookie that an answer gave it and sends it back. As long
as a session has no cookie its attempts are strangers to the server, and each of them may be given another: the first
that comes is kept. From then on only answers to requests that carried a cookie may change it.
"""

from __future__ import annotations

import re

from harness.model.schedule import Stream, session_of

_COOKIE = re.compile(rb"^set-cookie:[ \t]*([^=;\s]+)=([^;\r\n]*)([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
#: What forgets a cookie instead of setting it.
_OVER = re.compile(rb";[ \t]*max-age=(?:0|-\d+)(?=[ \t]*(?:;|$))", re.IGNORECASE)


class Sessions:
    """The sessions of one stream.

    Args:
        stream: It has a cookie's name and a number of sessions.
        n_streams: Streams of the plan.
    """

    def __init__(self, stream: Stream, n_streams: int) -> None:
        self._name = stream.cookie.encode()
        self._n_streams = n_streams
        self._cookies = [b""] * stream.sessions

    def cookie(self, number: int) -> bytes:
        """``name=value`` for the attempt with this number; empty while its session has none."""
        return self._cookies[self._session(number)]

    def keep(self, number: int, head: bytes, *, carried: bytes) -> None:
        """Take note of what the answer to an attempt said of the cookie.

        Args:
            number: The attempt.
            head: The answer's head.
            carried: The cookie that the attempt carried.
        """
        session = self._session(number)
        if self._cookies[session] and not carried:
            return
        for name, value, attributes in _COOKIE.findall(head):
            if name == self._name:
                self._cookies[session] = b"" if _OVER.search(attributes) else b"%b=%b" % (name, value.strip())

    def _session(self, number: int) -> int:
        found: int = session_of(number, self._n_streams, len(self._cookies))
        return found


def sessions_of(streams: tuple[Stream, ...]) -> tuple[Sessions | None, ...]:
    """The sessions of each stream; None for those that have none."""
    return tuple(Sessions(stream, len(streams)) if stream.sessions else None for stream in streams)
