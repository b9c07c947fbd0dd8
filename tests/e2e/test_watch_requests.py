"""Headers, logins, methods and redirects of ``harness watch``, against a server that keeps what it got."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from command_line import CommandLine

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

SECRET = "s3cret"


class _Recording(ThreadingHTTPServer):
    """A server that repeats the credentials in its answer, and redirects requests without any."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: set[tuple[str, str, str]] = set()

    @property
    def at(self) -> str:
        """Return its address and port."""
        return f"127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        assert isinstance(self.server, _Recording)
        length = self.headers.get("Content-Length", "")
        self.rfile.read(int(length or 0))
        login = self.headers.get("Authorization", "")
        self.server.requests.add((self.command, length, login))
        body = f"you are {login} {self.headers.get('X-Key')}".encode()
        self.send_response(200 if login else 302)
        if not login:
            self.send_header("Location", "https://shop.example/login")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_OPTIONS = _serve  # noqa: N815 - the base class calls them so

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Log nothing."""


@pytest.fixture
def server() -> Iterator[_Recording]:
    """Serve until the test ends."""
    with _Recording() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_credentials_are_sent_and_never_stored(
    harness: CommandLine, server: _Recording, tmp_path: Path, workers: str
) -> None:
    """The server gets them with every request; no file of the run has them, though the answers repeat them."""
    out = tmp_path / "watch"
    words = ("--for", "4s", "--rate", "10", "--method", "GET,PATCH,OPTIONS,POST", "--no-body", "--workers", workers)
    url = f"http://anna:{SECRET}@{server.at}/"
    finished = harness.run("watch", url, *words, "--header", f"X-Key: {SECRET}", "--json", "--out", out)

    assert finished.json["lost"] == {}
    assert {login for _, _, login in server.requests} == {"Basic YW5uYTpzM2NyZXQ="}
    assert {(method, length) for method, length, _ in server.requests} == {
        ("GET", ""), ("OPTIONS", ""), ("POST", "0"), ("PATCH", "0"),
    }  # fmt: skip
    for text in (SECRET, "YW5uYTpzM2NyZXQ"):
        assert not [path for path in out.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]
        assert text not in finished.out + finished.err


def test_the_target_of_redirects_is_reported(harness: CommandLine, server: _Recording, tmp_path: Path) -> None:
    """The user learns where the traffic should have gone."""
    words = ("--for", "3s", "--rate", "20", "--json", "--out", tmp_path / "watch")
    finished = harness.run("watch", f"http://{server.at}/", *words)
    lost = finished.json["lost_total"]

    assert finished.code == 1, finished.result
    assert lost == finished.json["sent"] > 0
    assert f"https://shop.example/login ({lost})" in " ".join(finished.err.split())
