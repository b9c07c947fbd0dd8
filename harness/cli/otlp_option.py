"""The option ``--otlp``: send spans of changes and lost requests to a tracing system."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.cli.command_line import without_login
from harness.errors import HarnessError, InvalidInputError, MissingExtraError, Problem
from harness.kit.web_address import web_address
from harness.model.verdict import RunVerdict
from harness.model.watch import WatchVerdict
from harness.wording import plural

Otlp = Annotated[
    str,
    typer.Option(
        metavar="URL",
        help="Give each request a traceparent, and at the end send spans of changes and lost requests to this OTLP "
        "receiver, such as http://127.0.0.1:4318.",
    ),
]


def check_otlp(url: str) -> None:
    """Check the option before anything starts.

    Raises:
        InvalidInputError: It is no URL.
        MissingExtraError: OpenTelemetry is not installed.
    """
    if not url:
        return
    try:
        web_address(url)
    except ValueError as error:
        hint = "http://HOST:4318, without /v1/traces"
        message = f"--otlp {without_login(url)!r}: expected the URL of an OTLP receiver: {error}"
        raise InvalidInputError([Problem(message, hint=hint)]) from None
    try:
        found = find_spec("opentelemetry.exporter.otlp.proto.http")
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise MissingExtraError("Spans (--otlp)", "otlp")


def send_spans(url: str, directory: Path, verdict: RunVerdict | WatchVerdict) -> None:
    """Send the spans, and say how many. A failure is a line on stderr: it changes neither verdict nor exit code."""
    if not url:
        return
    from harness.telemetry.spans import export_spans  # noqa: PLC0415 - for this option alone

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        sent = export_spans(directory, verdict, url)
    except HarnessError as error:
        console.print(f"The spans could not be exported: {error.message}", markup=False, style="yellow")
        return
    text = (
        f"spans: {plural(sent.changes, 'change')} and {plural(sent.lost, 'lost request')} sent to {without_login(url)}"
    )
    if sent.omitted:
        text += f"; {plural(sent.omitted, 'further lost request')} omitted"
    console.print(text, markup=False)
