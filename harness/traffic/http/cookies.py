"""Sessions: the cookies that a browser would keep between requests, to show session affinity.

A stream's attempts belong to its sessions in turn. Each session keeps the cookie of an answer and sends it back.
Before that, the server sees each attempt of a session as a new client and may give each another cookie: the session
keeps the first one. From then on only answers to requests that carried a cookie change it.
"""

from __future__ import annotations

import re

from harness.model.schedule import Stream, session_of

_COOKIE = re.compile(rb"^set-cookie:[ \t]*([^=;\s]+)=([^;\r\n]*)([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
#: Attributes that delete a cookie.
_OVER = re.compile(rb";[ \t]*max-age=(?:0|-\d+)(?=[ \t]*(?:;|$))", re.IGNORECASE)


class Sessions:
    """The sessions of one stream.

    Args:
        stream: A stream with a cookie's name and a number of sessions.
        n_streams: Number of streams of the plan.
    """

    def __init__(self, stream: Stream, n_streams: int) -> None:
        self._name = stream.cookie.encode()
        self._n_streams = n_streams
        self._cookies = [b""] * stream.sessions

    def cookie(self, number: int) -> bytes:
        """Return ``name=value`` for the attempt with this number; empty while its session has none."""
        return self._cookies[self._session(number)]

    def keep(self, number: int, head: bytes, *, carried: bytes) -> None:
        """Apply the cookie fields in the answer to an attempt.

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
    """Return the sessions of each stream; None for a stream without sessions."""
    return tuple(Sessions(stream, len(streams)) if stream.sessions else None for stream in streams)
