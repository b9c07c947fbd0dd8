"""Runs of pytest with the plugin, in processes of their own, and servers for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread

import pytest

#: The plugin as its entry point loads it, and nothing else that happens to be installed.
PLUGINS = ("-p", "harness.pytest_plugin", "-p", "xdist")
#: A module for the tests within: a busy machine may make traffic inconclusive, for reasons of its own and no others.
BUSY = """
from contextlib import contextmanager
import harness
from harness.judging.starved import STARVED

@contextmanager
def unless_busy():
    try:
        yield
    except harness.InconclusiveError as error:
        verdict = harness.read(error.directory)
        codes = {each.code for origin in verdict.origins for each in origin.trial.findings}
        assert codes & STARVED and verdict.identity.lost_total == 0, codes
        assert codes <= STARVED | {"sender-paused", "no-traffic", "stream-without-success"}, codes
"""
Run = Callable[..., pytest.RunResult]


class _EveryFifthFails(BaseHTTPRequestHandler):
    """Answer 503 to every fifth request of ``/bad``, and 200 to all others."""

    protocol_version = "HTTP/1.1"
    count = 0
    lock = Lock()

    def do_GET(self) -> None:
        """Answer one request."""
        with self.lock:
            type(self).count += 1
            number = self.count
        self.send_response(503 if self.path == "/bad" and number % 5 == 0 else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_arguments: object) -> None:
        """Write nothing."""


class _Server(ThreadingHTTPServer):
    """A server that waits for none of its connections."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


@pytest.fixture
def server() -> Iterator[str]:
    """The base URL of a server, whose ``/bad`` fails every fifth request."""
    with _Server(("127.0.0.1", 0), _EveryFifthFails) as running:
        thread = Thread(target=running.serve_forever, name="server")
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run pytest in an empty folder, with the plugin."""
    pytester.makeini("[pytest]\n")
    pytester.makepyfile(busy=BUSY)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def start(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_subprocess(*PLUGINS, *arguments)

    return start
