"""An OTLP receiver gets a span for each lost request, with the trace that the application saw, and for each change."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from command_line import PATIENCE, ROOT, CommandLine, Finished
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from oteltap import OtelTapHttpProtobufReceiver, OtelTapHttpProtobufReceiverSettings
from ports import free_port

from harness.cli.otlp_option import check_otlp
from harness.errors import InvalidInputError, MissingToolError


class TracedApplication(ThreadingHTTPServer):
    """A server that fails every other request, and notes the trace of each.

    Attributes:
        failed: Trace contexts of failed requests, as they came.
        seen: Those of all requests.
    """

    daemon_threads = True
    block_on_close = False
    #: More than a test sends: a full queue drops connections on a busy machine.
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.failed: list[str | None] = []
        self.seen: list[str | None] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: TracedApplication

    def do_GET(self) -> None:
        """Answer one request."""
        trace = self.headers.get("traceparent")
        self.server.seen.append(trace)
        fails = len(self.server.seen) % 2 == 0
        if fails:
            self.server.failed.append(trace)
        self.send_response(503 if fails else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Write nothing."""


@pytest.fixture
def application() -> Iterator[TracedApplication]:
    """Run the application."""
    with TracedApplication() as running:
        thread = Thread(target=running.serve_forever, name="application")
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def received(
    command: Callable[[str], Finished], enough: Callable[[list[Span], Finished], bool]
) -> tuple[list[Span], Finished]:
    """Run a command with the URL of a receiver; return the spans once there are enough, and what it printed."""

    async def run() -> tuple[list[Span], Finished]:
        port, spans, arrived = free_port(), list[Span](), asyncio.Event()
        async with OtelTapHttpProtobufReceiver(OtelTapHttpProtobufReceiverSettings(http_port=port)) as receiver:

            async def collect() -> None:
                async for span in receiver.stream_traces():
                    spans.append(span)
                    arrived.set()

            collecting = asyncio.create_task(collect())
            done = await asyncio.to_thread(command, f"http://127.0.0.1:{port}")
            async with asyncio.timeout(PATIENCE):
                while not enough(spans, done):
                    arrived.clear()
                    await arrived.wait()
            collecting.cancel()
        return spans, done

    return asyncio.run(run())


def attributes(span: Span) -> dict[str, Any]:
    """Return the attributes of a span."""
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


@pytest.mark.e2e
def test_every_lost_request_of_a_watch_has_its_span(
    harness: CommandLine, application: TracedApplication, tmp_path: Path
) -> None:
    """Its ids are those that the application got, and each request has its own.

    On a busy machine a request may also time out, whether or not it reaches the application.
    """
    url = f"http://127.0.0.1:{application.server_port}/shop"

    def watch(receiver: str) -> Finished:
        words = ("--for", "4s", "--rate", "25", "--json", "--otlp", receiver, "--out", tmp_path / "watch")
        return harness.run("watch", url, *words)

    spans, done = received(watch, lambda spans, done: len(spans) >= int(done.json["lost_total"]))
    traces = {f"00-{each.trace_id.hex()}-{each.span_id.hex()}-01": attributes(each) for each in spans}
    refused = {trace for trace, known in traces.items() if known["error.type"] == "status"}
    lost = done.json["lost_total"]

    assert len(application.failed) > 1
    assert len(traces) == len(spans) == lost
    assert len(refused) == done.json["lost"]["status"]
    assert refused <= set(application.failed) <= set(traces)
    assert len(set(application.seen)) == len(application.seen) <= done.json["sent"]
    assert f"0 changes and {lost} lost requests sent to" in done.err
    assert {traces[trace]["http.response.status_code"] for trace in refused} == {503}
    assert {known["url.path"] for known in traces.values()} == {"/shop"}
    assert all(span.end_time_unix_nano > span.start_time_unix_nano for span in spans)


@pytest.mark.e2e
@pytest.mark.nginx
def test_the_losses_of_a_run_link_to_its_change(harness: CommandLine, tmp_path: Path) -> None:
    """The change has a span from its begin to its end, and every lost request a link to it."""
    file = tmp_path / "restart.json"
    content = {
        "name": "restart",
        "workload": str(ROOT / "experiments/apps/apple-banana"),
        "ingress": "ingress-nginx",
        "traffic": {"rate": "50/s", "paths": ["/apple"], "pool": {"size": 8}, "baseline": "2s", "settle": "1s"},
        "matrix": {"lifecycle": {"bare": {}}},
        "changes": [{"restart": {"deployment": "apple"}}],
        "expect": [{"change": "restart", "verdict": "lossy"}],
    }
    file.write_text(json.dumps(content), encoding="utf-8")

    def run(receiver: str) -> Finished:
        return harness.run("run", file, "--json", "--otlp", receiver, "--out", tmp_path / "out")

    def losses(done: Finished) -> int:
        return int(sum(cell["lost"] for cell in done.json["cells"]))

    spans, done = received(run, lambda spans, done: len(spans) >= losses(done) + 1)
    (change,) = (span for span in spans if span.name == "change restart")
    lost = [span for span in spans if span is not change]

    assert len(lost) == losses(done) > 0
    assert {link.span_id for span in lost for link in span.links} == {change.span_id}
    assert attributes(change)["harness.lost"] == len(lost)
    assert change.start_time_unix_nano < change.end_time_unix_nano
    assert any(change.start_time_unix_nano <= span.start_time_unix_nano for span in lost)


@pytest.mark.e2e
def test_a_receiver_that_is_not_there_changes_nothing(
    harness: CommandLine, application: TracedApplication, tmp_path: Path
) -> None:
    """The exit code is that of the verdict, and a line says that the spans were not exported."""
    url = f"http://127.0.0.1:{application.server_port}/"
    nobody = f"http://127.0.0.1:{free_port()}"
    done = harness.run("watch", url, "--for", "3s", "--rate", "10", "--otlp", nobody, "--out", tmp_path / "watch")

    assert done.code == 1
    assert "The spans could not be exported" in done.err
    assert "Traceback" not in done.err


@pytest.mark.e2e
def test_without_the_option_no_request_has_a_trace(
    harness: CommandLine, application: TracedApplication, tmp_path: Path
) -> None:
    """An application that traces by the flag of its caller is not made to trace the harness."""
    url = f"http://127.0.0.1:{application.server_port}/"
    harness.run("watch", url, "--for", "3s", "--rate", "10", "--out", tmp_path / "watch")

    assert set(application.seen) == {None}


def test_the_option_is_checked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong URL is invalid input, and a missing package says how to get it; both before anything starts."""
    check_otlp("")
    check_otlp("http://127.0.0.1:4318")
    for wrong in ("127.0.0.1:4318", "grpc://x:4317", "http://", "http://x:0", "http://x:70000", "http://:4318"):
        with pytest.raises(InvalidInputError, match="OTLP receiver"):
            check_otlp(wrong)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    for name in [name for name in sys.modules if name.startswith("opentelemetry.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(MissingToolError) as caught:
        check_otlp("http://127.0.0.1:4318")

    assert "harness[otlp]" in caught.value.hint
