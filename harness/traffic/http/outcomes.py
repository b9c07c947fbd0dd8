"""The mapping from errors to outcomes; no other module decides this.

It uses facts and no guesses: a peer's FIN differs from its RST, and a failure of our own machine never counts as one of
the server. An unforeseen error is a fault of the client, and never a success.
"""

from __future__ import annotations

import errno

from geventhttpclient.response import HTTPParseError

from harness.model.attempt import CloseReason, Outcome, Progress
from harness.traffic.http.tls import TlsError


class PeerClosedError(Exception):
    """The peer ended the connection in order (FIN)."""


class DeadlineError(Exception):
    """The attempt exceeded its timeout."""


class OversizeError(Exception):
    """The answer's header or body exceeds the client's limit."""


#: Our own machine lacks ports, file descriptors, memory or permission; the server never causes these.
CLIENT_ERRNOS = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.EADDRNOTAVAIL,
        errno.EADDRINUSE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EACCES,
        errno.EPERM,
    }
)
_RESET_ERRNOS = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ENOTCONN, errno.ESHUTDOWN})
#: A router or the peer's host reported no route: an answer of the network, like a refusal.
_UNREACHABLE_ERRNOS = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN})


def outcome_of(error: BaseException, progress: Progress) -> Outcome:
    """Return the outcome of an attempt that an error ended.

    Args:
        error: The error.
        progress: The stage that the attempt had reached.
    """
    partly = progress >= Progress.PARTLY_ANSWERED
    if isinstance(error, PeerClosedError):
        return Outcome.TRUNCATED if partly else Outcome.CLOSED
    if isinstance(error, DeadlineError):
        return Outcome.TIMEOUT_CONNECT if progress == Progress.NOT_CONNECTED else Outcome.TIMEOUT_RESPONSE
    if isinstance(error, HTTPParseError | OversizeError):
        return Outcome.MALFORMED
    if isinstance(error, TlsError):
        return Outcome.TLS
    if isinstance(error, OSError):
        return _outcome_of_errno(error.errno or 0, progress)
    return Outcome.CLIENT_FAULT


def _outcome_of_errno(number: int, progress: Progress) -> Outcome:
    connected = progress > Progress.NOT_CONNECTED
    if number == errno.ETIMEDOUT:
        return Outcome.TIMEOUT_RESPONSE if connected else Outcome.TIMEOUT_CONNECT
    if number == errno.ECONNREFUSED or (number in _UNREACHABLE_ERRNOS and not connected):
        return Outcome.REFUSED
    if number in _RESET_ERRNOS or number in _UNREACHABLE_ERRNOS:
        return Outcome.TRUNCATED if progress >= Progress.PARTLY_ANSWERED else Outcome.RESET
    # CLIENT_ERRNOS and all others: nothing shows that the server caused them.
    return Outcome.CLIENT_FAULT


def reason_of(error: BaseException) -> CloseReason:
    """Return the side that ended a connection with this error."""
    if isinstance(error, PeerClosedError):
        return CloseReason.PEER_FIN
    if isinstance(error, DeadlineError):
        return CloseReason.BY_US
    if isinstance(error, OSError) and error.errno in _RESET_ERRNOS:
        return CloseReason.PEER_RST
    return CloseReason.BROKEN
