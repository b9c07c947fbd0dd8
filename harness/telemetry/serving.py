"""Serves live metrics over HTTP, for as long as a command runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server

from harness.errors import HarnessError
from harness.telemetry.metrics import LiveMetrics


@contextmanager
def serving(host: str, port: int) -> Iterator[tuple[LiveMetrics, int]]:
    """Serve metrics at ``/metrics``, in the format that the client accepts: OpenMetrics, or Prometheus' own.

    Args:
        host: Address to listen at.
        port: Its port; 0 for any free one.

    Yields:
        The metrics, and the port.

    Raises:
        HarnessError: Nothing can listen there.
    """
    metrics = LiveMetrics()
    registry = CollectorRegistry()
    registry.register(metrics)
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise HarnessError(
            f"Nothing can listen at {host}:{port}: {error.strerror or error}.",
            hint="Choose another port for --metrics.",
        ) from error
    try:
        yield metrics, server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
