#!/usr/bin/env bash
# OpenTelemetry: the client span of an answer whose body was cut is a success, with httpx and aiohttp.
#
# Expected: the call raises, so its span has the status ERROR, as it has with requests.
# Happens: the instrumentations of httpx and aiohttp end the span when the header is in. The body is read afterwards,
#   also by plain httpx.get(): status UNSET, http.status_code 200, no exception event.
# Versions: opentelemetry-instrumentation-{httpx,aiohttp-client,requests} 0.66b1, httpx 0.28.1, aiohttp 3.14.5,
#   requests 2.34.2, seen 2026-11-29.
# Matters: traces are used to find the failed requests of a rollout. The answers that a dying pod cut count as served,
#   and the span's duration ends before the body.
# Source: https://opentelemetry.io/docs/specs/semconv/http/http-spans/
set -euo pipefail
source "$(dirname "$0")/lib/lib.sh"
pips opentelemetry-sdk==1.45.1 opentelemetry-instrumentation-httpx==0.66b1 opentelemetry-instrumentation-aiohttp-client==0.66b1 \
  opentelemetry-instrumentation-requests==0.66b1 httpx==0.28.1 aiohttp==3.14.5 requests==2.34.2
start_faulty
expected "a body that is cut: the call raises and the span is an ERROR"
"$tmp/venv/bin/python" - "http://127.0.0.1:$faulty/cut" <<'PY'
import asyncio, sys
import aiohttp, httpx, requests
from opentelemetry import trace
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from seen import seen
spans = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)
for instrumentor in (HTTPXClientInstrumentor, AioHttpClientInstrumentor, RequestsInstrumentor):
    instrumentor().instrument()
url = sys.argv[1]

async def with_aiohttp():
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        await answer.read()

calls = {
    "httpx": (lambda: httpx.get(url), httpx.RemoteProtocolError, "UNSET"),
    "aiohttp": (lambda: asyncio.run(with_aiohttp()), aiohttp.ClientPayloadError, "UNSET"),
    "requests": (lambda: requests.get(url), requests.exceptions.ChunkedEncodingError, "ERROR"),
}
for name, (call, error, status) in calls.items():
    spans.clear()
    raised = "nothing"
    try:
        call()
    except error as exception:
        raised = type(exception).__name__
    (span,) = spans.get_finished_spans()
    code = span.attributes.get("http.status_code", span.attributes.get("http.response.status_code"))
    seen(raised == error.__name__ and span.status.status_code.name == status, f"{name}: the call raised {raised}; span {span.status.status_code.name}, status code {code}")
PY
