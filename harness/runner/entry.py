"""Waits until the entry answers before traffic begins, because the ingress learns of ready pods later than the API.

The requests of this wait use connections of their own and are not part of the evidence.
"""

from __future__ import annotations

import http.client
import random
import socket
import ssl
import time
from collections.abc import Sequence
from http import HTTPStatus

from harness.clusters.base import Entry
from harness.kit.backends import read_backends
from harness.kit.waiting import wait_until
from harness.model.attempt import Outcome
from harness.model.controllers import LONGEST_APPLY_S
from harness.model.experiment import TrafficPlan
from harness.traffic.http.answers import AnswerBook
from harness.traffic.http.tls import TlsPeer, make_context

#: Longest wait: a few syncs of the slowest controller.
ENTRY_SECONDS = 60.0
#: Longest wait for the right application. Until the route's own rule is loaded, a wider rule may answer 200 instead.
#: A configuration that stays wrong for longer is no reason to wait: the traffic will report it.
ANSWER_SECONDS = 10.0
#: Seconds for which every path must have answered without a break. Parts of a data plane (such as each nginx worker)
#: learn of endpoints on timers of their own, so one right answer says nothing about the other parts. This is the
#: longest such timer plus a margin of 0.3 s.
UNBROKEN_SECONDS = LONGEST_APPLY_S + 0.3
#: Maximum seconds that one answer adds to the time of unbroken answers. If the machine stood still between two answers,
#: no part of a data plane learned of anything in that time.
_ONE_LOOK = 0.2

#: Addition to the message about a 308, with which ingress controllers redirect HTTP.
_REDIRECTED = ", a redirect to HTTPS: add tls: {verify: false} to traffic"
#: Timeout of each request, in seconds.
_ANSWER_TIMEOUT = 2.0


def address_of(entry: Entry) -> tuple[str, int]:
    """Return the address to connect to now: a random backend if the entry has backends, else its own."""
    backends = read_backends(entry.backends).addresses if entry.backends is not None else ()
    return random.choice(backends) if backends else (entry.address, entry.port)  # noqa: S311 - no secret


def answer_of(
    entry: Entry, path: str, host: str, headers: Sequence[tuple[str, str]] = (), secure: TlsPeer | None = None
) -> tuple[int, bytes]:
    """Return status and body of one GET on a new connection; status 0 if there was no answer.

    Args:
        entry: Where to connect to.
        path: The path to ask for.
        host: The ``Host`` header; empty for the address.
        headers: More headers.
        secure: The TLS of the connection; None for plain HTTP.
    """
    address, port = address_of(entry)
    connection = http.client.HTTPConnection(address, port, timeout=_ANSWER_TIMEOUT)
    try:
        if secure is not None:
            plain = socket.create_connection((address, port), timeout=_ANSWER_TIMEOUT)
            connection.sock = secure.context.wrap_socket(plain, server_hostname=secure.name)
        own = {"Connection": "close", **({"Host": host} if host else {})}
        connection.request("GET", path, headers={**dict(headers), **own})
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def certificate_at(entry: Entry, host: str) -> bytes:
    """Return the certificate that a new connection gets, in DER form; empty if none came.

    Args:
        entry: Where to connect to.
        host: The server name that the client asks for.
    """
    unchecked = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection(address_of(entry), timeout=_ANSWER_TIMEOUT) as plain,
            unchecked.wrap_socket(plain, server_hostname=host) as secure,
        ):
            return secure.getpeercert(binary_form=True) or b""
    except OSError:
        return b""


def _is_redirected(status: int, secure: TlsPeer | None) -> bool:
    return status == HTTPStatus.PERMANENT_REDIRECT and secure is None


def _secure(entry: Entry, traffic: TrafficPlan) -> TlsPeer | None:
    if traffic.tls is None:
        return None
    return TlsPeer.of(traffic.tls, make_context(traffic.tls), traffic.host or entry.address)


def wait_for_entry(entry: Entry, traffic: TrafficPlan) -> None:
    """Wait until every path has given right answers for ``UNBROKEN_SECONDS`` without a break.

    A wrong status is always a break, a wrong body only in the first ``ANSWER_SECONDS``.

    Raises:
        WaitTimeoutError: A path did not; the message names it and its last status.
    """
    begin = last = time.monotonic()
    steady = 0.0
    secure = _secure(entry, traffic)
    book = AnswerBook(traffic.routes, lambda _number, _text: None)
    wrong: list[str] = []

    def unbroken() -> bool:
        nonlocal last, steady
        wrong.clear()
        outcomes = set()
        for number, route in enumerate(traffic.routes):
            status, body = answer_of(entry, route.path, route.host or traffic.host, route.headers, secure)
            outcome, _ = book.judge(number, status, body)
            outcomes.add(outcome)
            if outcome is Outcome.STATUS:
                wrong.append(
                    f"{route.key} gave {status or 'no answer'}{_REDIRECTED if _is_redirected(status, secure) else ''}"
                )
        now = time.monotonic()
        if Outcome.STATUS in outcomes or (Outcome.WRONG_ANSWER in outcomes and now - begin < ANSWER_SECONDS):
            steady = 0.0
        else:
            steady += min(now - last, _ONE_LOOK)
        last = now
        return steady >= UNBROKEN_SECONDS

    def what() -> str:
        scheme = "http" if secure is None else "https"
        return f"the entry {scheme}://{entry.address}:{entry.port} to answer: {', '.join(wrong) or 'not yet steady'}"

    wait_until(unbroken, timeout=ENTRY_SECONDS, what=what, interval=0.1)
