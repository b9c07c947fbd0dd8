"""Every way in which an attempt can fail has one class, decided in one place."""

from __future__ import annotations

import errno

import pytest
from geventhttpclient.response import HTTPParseError

from harness.model.attempt import CloseReason, Outcome, Progress
from harness.traffic.http.outcomes import (
    CLIENT_ERRNOS,
    DeadlineError,
    OversizeError,
    PeerClosedError,
    outcome_of,
    reason_of,
)
from harness.traffic.http.tls import TlsError

NOT, CONNECTED, SENT, PARTLY = (
    Progress.NOT_CONNECTED,
    Progress.CONNECTED,
    Progress.SENT,
    Progress.PARTLY_ANSWERED,
)
ANY = (NOT, CONNECTED, SENT, PARTLY)


def os_error(number: int) -> OSError:
    """Build the error that the operating system raises for an errno."""
    return OSError(number, "x")


TABLE = [
    (PeerClosedError(), (NOT, CONNECTED, SENT), Outcome.CLOSED),
    (PeerClosedError(), (PARTLY,), Outcome.TRUNCATED),
    (DeadlineError(), (NOT,), Outcome.TIMEOUT_CONNECT),
    (DeadlineError(), (CONNECTED, SENT, PARTLY), Outcome.TIMEOUT_RESPONSE),
    (HTTPParseError("x"), ANY, Outcome.MALFORMED),
    (TlsError("x"), ANY, Outcome.TLS),
    (OversizeError("x"), ANY, Outcome.MALFORMED),
    (os_error(errno.ECONNREFUSED), ANY, Outcome.REFUSED),
    (os_error(errno.EHOSTUNREACH), (NOT,), Outcome.REFUSED),
    (os_error(errno.ENETUNREACH), (NOT,), Outcome.REFUSED),
    (os_error(errno.EHOSTUNREACH), (CONNECTED, SENT), Outcome.RESET),
    (os_error(errno.ETIMEDOUT), (NOT,), Outcome.TIMEOUT_CONNECT),
    (os_error(errno.ETIMEDOUT), (CONNECTED, SENT, PARTLY), Outcome.TIMEOUT_RESPONSE),
    *(
        (os_error(number), stages, outcome)
        for number in (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ENOTCONN)
        for stages, outcome in (((NOT, CONNECTED, SENT), Outcome.RESET), ((PARTLY,), Outcome.TRUNCATED))
    ),
    *((os_error(number), ANY, Outcome.CLIENT_FAULT) for number in sorted(CLIENT_ERRNOS)),
    (os_error(errno.EIO), ANY, Outcome.CLIENT_FAULT),
    (OSError("without a number"), ANY, Outcome.CLIENT_FAULT),
    (RuntimeError("a bug of ours"), ANY, Outcome.CLIENT_FAULT),
]


@pytest.mark.parametrize(("error", "stages", "outcome"), TABLE, ids=lambda value: str(value)[:40])
def test_error_and_progress_decide_the_outcome(
    error: BaseException, stages: tuple[Progress, ...], outcome: Outcome
) -> None:
    """The table is the whole truth; none of it is success."""
    assert {outcome_of(error, stage) for stage in stages} == {outcome}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PeerClosedError(), CloseReason.PEER_FIN),
        (os_error(errno.ECONNRESET), CloseReason.PEER_RST),
        (os_error(errno.EPIPE), CloseReason.PEER_RST),
        (DeadlineError(), CloseReason.BY_US),
        (HTTPParseError("x"), CloseReason.BROKEN),
        (TlsError("x"), CloseReason.BROKEN),
        (os_error(errno.ECONNREFUSED), CloseReason.BROKEN),
    ],
)
def test_fin_and_rst_differ(error: BaseException, reason: CloseReason) -> None:
    """The reason for the end of a connection is as exact as the outcome of an attempt."""
    assert reason_of(error) == reason
