"""From what went wrong to the class it is reported as: the only place where this is decided.

What is known decides, not what is likely: a peer's FIN and its RST are told apart, a failure of our own machine is
never taken for one of the server, and what nobody has thought of is a fault of the client, which is never success.
"""

from __future__ import annotations

import errno

from geventhttpclient.response import HTTPParseError

from harness.model.attempt import CloseReason, Outcome, Progress


class PeerClosedError(Exception):
    """The peer ended the connection in order (FIN)."""


class DeadlineError(Exception):
    """The attempt's time was up."""


class OversizeError(Exception):
    """The answer's header or body is longer than the client takes."""


class TlsError(Exception):
    """The certificate was not accepted, or what the peer sends is not the TLS that was agreed on."""


#: What our own machine lacks: ports, file descriptors, memory, permission. Never the server's doing.
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
#: A router or the peer's host said that there is no way: like a refusal, the network's answer and not silence.
_UNREACHABLE_ERRNOS = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN})


def outcome_of(error: BaseException, progress: Progress) -> Outcome:
    """The outcome of an attempt that was ended by an error.

    Args:
        error: What ended it.
        progress: How far it had got by then.
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
    # CLIENT_ERRNOS, and whatever else: not known to be the server's.
    return Outcome.CLIENT_FAULT


def reason_of(error: BaseException) -> CloseReason:
    """Who ended a connection on which this happened."""
    if isinstance(error, PeerClosedError):
        return CloseReason.PEER_FIN
    if isinstance(error, DeadlineError):
        return CloseReason.BY_US
    if isinstance(error, OSError) and error.errno in _RESET_ERRNOS:
        return CloseReason.PEER_RST
    return CloseReason.BROKEN
