"""Traffic begins when every path has answered for a while without a break."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.clusters.base import Entry
from harness.errors import WaitTimeoutError
from harness.model.experiment import Route, TrafficPlan
from harness.runner import entry


@contextmanager
def server(statuses: list[int], hosts: list[str]) -> Iterator[Entry]:
    """Answers with these statuses in turn, the last one for ever."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hosts.append(self.headers["Host"])
            self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Not to stderr."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Entry("127.0.0.1", http.server_port)
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def plan(host: str = "") -> TrafficPlan:
    """Traffic on one path."""
    return TrafficPlan(rate=1, routes=(Route("/apple"),), host=host)


def test_a_wrong_answer_begins_the_wait_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A right answer, a wrong one, then right ones: it waits for the whole time after the wrong one."""
    monkeypatch.setattr(entry, "UNBROKEN_SECONDS", 0.2)
    hosts: list[str] = []
    with server([200, 503, 200], hosts) as where:
        entry.wait_for_entry(where, plan(host="fruit.example"))

    assert len(hosts) >= 4
    assert set(hosts) == {"fruit.example"}


def test_what_it_waited_for_in_vain_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """The path and its last status are in the message."""
    monkeypatch.setattr(entry, "ENTRY_SECONDS", 0.3)
    with server([503], []) as where, pytest.raises(WaitTimeoutError) as raised:
        entry.wait_for_entry(where, plan())

    assert "/apple gave 503" in str(raised.value)


def test_nobody_there_is_status_0() -> None:
    """A refused connection is no answer, and no exception."""
    with server([200], []) as where:
        pass

    assert entry.status_of(where, "/", "") == 0
