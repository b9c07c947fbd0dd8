"""The option ``--metrics``: serve live metrics while a command runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from harness.errors import InvalidInputError, Problem

if TYPE_CHECKING:
    from harness.telemetry.metrics import LiveMetrics

Metrics = Annotated[
    str,
    typer.Option(
        metavar="[HOST]:PORT",
        help="Serve live metrics for Prometheus at this address. HOST is 127.0.0.1 by default, 0.0.0.0 for all; "
        "PORT 0 is any free one.",
    ),
]


@dataclass(frozen=True, slots=True)
class ServedMetrics:
    """Metrics that are being served.

    Attributes:
        metrics: The metrics.
        notice: A line with their address.
    """

    metrics: LiveMetrics
    notice: str


@contextmanager
def live_metrics(address: str) -> Iterator[ServedMetrics | None]:
    """Serve live metrics at ``[HOST]:PORT``; yield None if the address is empty.

    Raises:
        InvalidInputError: It is no address.
        HarnessError: Nothing can listen there.
    """
    if not address:
        yield None
        return
    host, port = metrics_address(address)
    from harness.telemetry.serving import serving  # noqa: PLC0415 - for this option alone

    with serving(host, port) as (metrics, bound):
        name = f"[{host}]" if ":" in host else host
        yield ServedMetrics(metrics, f"metrics at http://{name}:{bound}/metrics")


def metrics_address(text: str) -> tuple[str, int]:
    """Return host and port of ``[HOST]:PORT``.

    Raises:
        InvalidInputError: It is something else.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or int(port) >= 65536:
        hint = "such as :9464, or 0.0.0.0:9464 for all addresses of this machine"
        raise InvalidInputError([Problem(f"--metrics {text!r}: expected [HOST]:PORT", hint=hint)])
    return host.removeprefix("[").removesuffix("]") or "127.0.0.1", int(port)
