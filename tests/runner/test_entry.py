"""Tests that traffic begins only when every path has answered without a break for a while."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
import trustme

from harness.clusters.base import Entry
from harness.errors import WaitTimeoutError
from harness.model.experiment import Route, Tls, TrafficPlan
from harness.runner import entry


@contextmanager
def server(
    statuses: list[int], hosts: list[str], bodies: tuple[bytes, ...] = (b"",), tls: ssl.SSLContext | None = None
) -> Iterator[Entry]:
    """Return a server that gives these statuses and bodies in turn, and the last one from then on."""
    said = list(bodies)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hosts.append(self.headers["Host"])
            self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
            body = said.pop(0) if len(said) > 1 else said[0]
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Print nothing to stderr."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        # The handshake belongs to the thread of the connection.
        http.socket = tls.wrap_socket(http.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Entry("127.0.0.1", http.server_port)
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def plan(host: str = "") -> TrafficPlan:
    """Return a plan with traffic on one path."""
    return TrafficPlan(rate=1, routes=(Route("/apple"),), host=host)


def test_a_wrong_status_restarts_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a wrong status, the whole time must pass again with correct ones."""
    monkeypatch.setattr(entry, "UNBROKEN_SECONDS", 0.2)
    hosts: list[str] = []
    with server([200, 503, 200], hosts) as where:
        entry.wait_for_entry(where, plan(host="fruit.example"))

    assert len(hosts) >= 4
    assert set(hosts) == {"fruit.example"}


def test_a_machine_that_stands_still_between_two_answers_has_seen_only_these(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part of the data plane may still have no endpoints, and its first wrong answer restarts the wait."""
    now, answers = 0.0, iter([200, 200, 503])
    seen: list[int] = []

    def answer_of(*_args: object) -> tuple[int, bytes]:
        nonlocal now
        # The machine stands still during the second answer.
        now += 10.0 if len(seen) == 1 else 0.1
        seen.append(next(answers, 200))
        return seen[-1], b""

    monkeypatch.setattr(entry, "answer_of", answer_of)
    monkeypatch.setattr(entry, "time", SimpleNamespace(monotonic=lambda: now))
    entry.wait_for_entry(Entry("127.0.0.1", 9), plan())

    assert seen[:3] == [200, 200, 503]
    assert len(seen) - 3 >= entry.UNBROKEN_SECONDS / 0.1 - 1


def test_a_timeout_names_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the path and its last status."""
    monkeypatch.setattr(entry, "ENTRY_SECONDS", 0.3)
    with server([503], []) as where, pytest.raises(WaitTimeoutError) as raised:
        entry.wait_for_entry(where, plan())

    assert "/apple gave 503" in str(raised.value)


def test_a_redirect_to_https_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host with TLS answers HTTP with 308; the message names the setting."""
    monkeypatch.setattr(entry, "ENTRY_SECONDS", 0.3)
    with server([308], []) as where, pytest.raises(WaitTimeoutError, match=r"add tls: \{verify: false\} to traffic"):
        entry.wait_for_entry(where, plan())


def test_an_entry_with_tls_is_asked_with_tls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The certificate is checked as the traffic checks it, for the name of the host; plain HTTP gets no answer."""
    monkeypatch.setattr(entry, "UNBROKEN_SECONDS", 0.1)
    authority, stranger = trustme.CA(), trustme.CA()
    for name, each in (("right", authority), ("wrong", stranger)):
        each.cert_pem.write_to_path(tmp_path / name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("shop.example").configure_cert(context)
    hosts: list[str] = []

    def traffic(tls: Tls | None) -> TrafficPlan:
        return TrafficPlan(rate=1, routes=(Route("/apple"),), host="shop.example", tls=tls)

    with server([200], hosts, tls=context) as where:
        entry.wait_for_entry(where, traffic(Tls(ca=str(tmp_path / "right"))))
        assert set(hosts) == {"shop.example"}
        monkeypatch.setattr(entry, "ENTRY_SECONDS", 0.3)
        for wrong in (None, Tls(ca=str(tmp_path / "wrong"))):
            with pytest.raises(WaitTimeoutError, match="/apple gave no answer"):
                entry.wait_for_entry(where, traffic(wrong))


def test_a_refused_connection_is_status_0() -> None:
    """A refused connection is no answer and raises no exception."""
    with server([200], []) as where:
        pass

    assert entry.answer_of(where, "/", "") == (0, b"")


def test_another_application_restarts_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wider rule may answer 200 until the path's own rule is loaded. That is not the application."""
    monkeypatch.setattr(entry, "UNBROKEN_SECONDS", 0.2)
    asked: list[str] = []
    traffic = TrafficPlan(rate=1, routes=(Route("/apple", answers=("apple*",)),))
    others = (b"banana-v1",) * 5
    with server([200], asked, (*others, b"apple-v1")) as where:
        entry.wait_for_entry(where, traffic)

    assert len(asked) >= len(others) + 2


def test_an_application_that_stays_wrong_is_left_to_the_traffic(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait for the right application ends, and the traffic reports the wrong answers."""
    monkeypatch.setattr(entry, "UNBROKEN_SECONDS", 0.1)
    monkeypatch.setattr(entry, "ANSWER_SECONDS", 0.3)
    asked: list[str] = []
    with server([200], asked, (b"banana-v1",)) as where:
        entry.wait_for_entry(where, TrafficPlan(rate=1, routes=(Route("/apple", answers=("apple*",)),)))

    assert len(asked) >= 3


def test_a_status_that_the_route_expects_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A route may expect a redirect."""
    monkeypatch.setattr(entry, "UNBROKEN_SECONDS", 0.1)
    with server([301], []) as where:
        entry.wait_for_entry(where, TrafficPlan(rate=1, routes=(Route("/old", statuses=(301,)),)))


def test_the_certificate_of_a_new_connection_is_read_without_trust_in_it() -> None:
    """A rotation may serve one that nobody has issued."""
    context, made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), trustme.CA().issue_cert("shop.example")
    made.configure_cert(context)

    with server([200], [], tls=context) as where:
        found = entry.certificate_at(where, "shop.example")

    assert ssl.DER_cert_to_PEM_cert(found).strip() == made.cert_chain_pems[0].bytes().decode().strip()
    assert entry.certificate_at(where, "shop.example") == b""


def test_an_entry_without_tls_has_no_certificate() -> None:
    """Its answer is no TLS handshake."""
    with server([200], []) as where:
        assert entry.certificate_at(where, "shop.example") == b""
