"""The client handles servers that refuse, break off, hang up or do not exist."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.kube.client import Kube
from harness.kube.errors import (
    ForbiddenError,
    KubeconfigError,
    KubeError,
    NotFoundError,
    UnreachableError,
    WatchExpiredError,
    WatchInterruptedError,
)
from harness.localkube.kubeconfig import write_kubeconfig

ADDRESS = "127.241.0.2"

Answer = Callable[[BaseHTTPRequestHandler], None]


class Stub(ThreadingHTTPServer):
    """A server that answers every request as the test says, and keeps the requests."""

    daemon_threads = False

    def __init__(self, answer: Answer) -> None:
        super().__init__((ADDRESS, 0), Handler)
        self.answer = answer
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        """Return the URL."""
        return f"http://{ADDRESS}:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        assert isinstance(self.server, Stub)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(f"{self.command} {self.path}")
        self.server.answer(self)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 -- the base class calls them so

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class calls it so
        """Log nothing."""


def status(code: int, reason: str = "", message: str = "") -> Answer:
    """Answer with a Kubernetes Status."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        text = json.dumps({"kind": "Status", "reason": reason, "message": message}).encode()
        request.send_response(code)
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        request.wfile.write(text)

    return answer


def hang_up(request: BaseHTTPRequestHandler) -> None:
    """Close the connection without an answer."""
    request.close_connection = True


def stream(*chunks: bytes, whole: bool = True) -> Answer:
    """Answer with a chunked stream, and cut it off after the chunks unless it must end normally."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.end_headers()
        for chunk in chunks:
            request.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        if whole:
            request.wfile.write(b"0\r\n\r\n")
        request.close_connection = True

    return answer


def line(kind: str, **fields: object) -> bytes:
    """Return a watch event."""
    return json.dumps({"type": kind, "object": fields}).encode() + b"\n"


@pytest.fixture
def server() -> Iterator[Stub]:
    """Run a stub in a thread."""
    stub = Stub(status(200))
    thread = threading.Thread(target=stub.serve_forever, kwargs={"poll_interval": 0.01}, name="stub")
    thread.start()
    yield stub
    stub.shutdown()
    thread.join()
    stub.server_close()


@pytest.fixture
def kube(server: Stub, tmp_path: Path) -> Iterator[Kube]:
    """Return a client of the stub."""
    with client_of(server.url, tmp_path) as client:
        yield client


def client_of(url: str, folder: Path) -> Kube:
    """Return a client of a server."""
    write_kubeconfig(folder / "kubeconfig", "test", url)
    return Kube(folder / "kubeconfig")


def never() -> bool:
    """Return False."""
    return False


@pytest.mark.parametrize("verb", ["patch", "delete", "create"])
def test_nothing_that_changes_an_object_is_sent_twice(kube: Kube, server: Stub, verb: str) -> None:
    """If the server hangs up on a write, the write is not retried: it may have been made."""
    server.answer = hang_up
    requests: dict[str, Callable[[], object]] = {
        "patch": lambda: kube.patch("Pod", "a", "ns", {}),
        "delete": lambda: kube.delete("Pod", "a", "ns"),
        "create": lambda: kube.create({"kind": "Pod", "metadata": {"name": "a"}}, "ns"),
    }

    with pytest.raises(UnreachableError):
        requests[verb]()

    assert len(server.asked) == 1


def test_a_refusal_says_what_was_asked_and_what_the_server_said(kube: Kube, server: Stub) -> None:
    """The message has verb, kind, name, namespace, status and the server's message."""
    server.answer = status(403, "Forbidden", "user bob can't do that")

    with pytest.raises(ForbiddenError) as caught:
        kube.patch("Deployment", "apple", "demo", {})

    for word in ("patch", "Deployment", "apple", "demo", "403", "Forbidden", "user bob can't do that"):
        assert word in str(caught.value)


def test_an_unknown_status_is_still_an_error(kube: Kube, server: Stub) -> None:
    """A status without its own class is a KubeError with that status."""
    server.answer = status(507, "Full", "no room")

    with pytest.raises(KubeError) as caught:
        kube.get("Pod", "a", "ns")

    assert caught.value.status == 507


def test_an_answer_that_is_not_json_is_no_success(kube: Kube, server: Stub) -> None:
    """A 200 of another kind of server is an error."""

    def page(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "4")
        request.end_headers()
        request.wfile.write(b"<ht>")

    server.answer = page

    with pytest.raises(UnreachableError):
        kube.get("Pod", "a", "ns")


def test_an_unreachable_server_is_reported_with_the_reason(tmp_path: Path) -> None:
    """The message says that the connection was refused."""
    with socket.create_server((ADDRESS, 0)) as listener:
        port = listener.getsockname()[1]

    with client_of(f"http://{ADDRESS}:{port}", tmp_path) as kube, pytest.raises(UnreachableError) as caught:
        kube.get("Pod", "a", "ns")

    assert "refused" in str(caught.value)


def test_a_kubeconfig_that_is_not_there_is_named(tmp_path: Path) -> None:
    """The error has the file's path."""
    with pytest.raises(KubeconfigError) as caught:
        Kube(tmp_path / "missing")

    assert str(tmp_path / "missing") in str(caught.value)


def test_an_unknown_context_is_named(tmp_path: Path) -> None:
    """The error has the context's name."""
    write_kubeconfig(tmp_path / "kubeconfig", "test", "http://127.241.0.2:1")

    with pytest.raises(KubeconfigError) as caught:
        Kube(tmp_path / "kubeconfig", "other")

    assert "other" in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [status(410, "Expired", "too old"), stream(line("ERROR", code=410, reason="Expired", message="too old"))],
    ids=["status", "event"],
)
def test_an_expired_watch_has_its_own_error(kube: Kube, server: Stub, answer: Answer) -> None:
    """410 means that the history is gone, as a status and as an event."""
    server.answer = answer

    with pytest.raises(WatchExpiredError):
        list(kube.watch("Pod", "ns", since="1", stop=never))


@pytest.mark.parametrize(
    "answer",
    [
        hang_up,
        stream(line("ADDED", metadata={}), whole=False),
        stream(b'{"type": "ADD'),
        stream(b"<html>\n"),
    ],
    ids=["no answer", "cut between events", "cut inside an event", "not an event"],
)
def test_a_broken_watch_is_an_error(kube: Kube, server: Stub, answer: Answer) -> None:
    """Events may have been missed, however the stream broke."""
    server.answer = answer

    with pytest.raises(WatchInterruptedError):
        list(kube.watch("Pod", "ns", since="1", stop=never))


def test_the_normal_end_of_a_watch_is_no_error(kube: Kube, server: Stub) -> None:
    """All events are yielded, and nothing is raised."""
    first, second = line("ADDED", metadata={"name": "a"}), line("DELETED", metadata={"name": "a"})
    server.answer = stream(first + second[:10], second[10:])

    events = list(kube.watch("Pod", "ns", since="1", stop=never))

    assert [event.type for event in events] == ["ADDED", "DELETED"]


def test_a_kind_that_is_not_built_in_is_looked_up(kube: Kube, server: Stub) -> None:
    """A custom kind is found in the server's resource list, once."""
    resources = {"groupVersion": "x.io/v1", "resources": [{"kind": "Middleware", "name": "mids", "namespaced": True}]}

    def answer(request: BaseHTTPRequestHandler) -> None:
        text = json.dumps(resources if request.path == "/apis/x.io/v1" else {"kind": "Middleware"}).encode()
        request.send_response(200)
        request.send_header("Content-Length", str(len(text)))
        request.end_headers()
        request.wfile.write(text)

    server.answer = answer

    kube.create({"apiVersion": "x.io/v1", "kind": "Middleware", "metadata": {"name": "m"}}, "ns")

    assert server.asked[-1] == "POST /apis/x.io/v1/namespaces/ns/mids"


def test_an_unknown_kind_is_named(kube: Kube, server: Stub) -> None:
    """The error has the kind."""
    with pytest.raises(NotFoundError) as caught:
        kube.get("Nonsense", "a", "ns")

    assert "Nonsense" in str(caught.value)
