"""Exports changes and lost requests as OpenTelemetry spans, from the sealed evidence of a run or a watch.

The span of a lost request has the ids of the ``traceparent`` that the request carried, so in a tracing system it is the
parent of what the application recorded of that request.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from harness.errors import HarnessError
from harness.model.attempt import LOSSES
from harness.model.changes import NoChange
from harness.model.timeline import Phase
from harness.model.trace_context import trace_ids, trace_seed
from harness.model.verdict import CellVerdict, RunVerdict, TrialVerdict
from harness.model.watch import WatchVerdict
from harness.runner.evidence import read_outcome
from harness.runner.export import COLUMNS, columns
from harness.store.rundir import TrialDirectory

#: The most lost requests of one trial or origin that become spans; the ledger has every one.
MOST_LOST = 10_000
#: Spans of one request to the receiver.
_BATCH = 500
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ExportedSpans:
    """The number of exported spans.

    Attributes:
        changes: Spans of changes.
        lost: Spans of lost requests.
        omitted: Lost requests without a span: above the limit of their trial, or of unknown time.
    """

    changes: int
    lost: int
    omitted: int


def export_spans(top: Path, verdict: RunVerdict | WatchVerdict, endpoint: str) -> ExportedSpans:
    """Send the spans to a receiver by OTLP over HTTP.

    Args:
        top: The run directory.
        verdict: Its verdict.
        endpoint: Base URL of the receiver, such as ``http://127.0.0.1:4318``. OpenTelemetry's own environment variables
            set its headers and certificates.

    Raises:
        HarnessError: The receiver did not accept the spans.
        EvidenceError: A ledger can't be read.
    """
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=10)
    resource = Resource.create({"service.name": "harness", "service.version": metadata.version("harness")})
    changes = lost = omitted = 0
    try:
        for part in _parts(top, verdict, resource):
            change = part.change()
            if change is not None:
                _send(exporter, [change], endpoint)
                changes += 1
            sent = 0
            requests = islice(part.lost(change), MOST_LOST)
            while batch := [*islice(requests, _BATCH)]:
                _send(exporter, batch, endpoint)
                sent += len(batch)
            lost += sent
            omitted += part.trial.identity.lost_total - sent
    finally:
        exporter.shutdown()
    return ExportedSpans(changes, lost, omitted)


def _send(exporter: OTLPSpanExporter, spans: Sequence[ReadableSpan], endpoint: str) -> None:
    if exporter.export(spans) is not SpanExportResult.SUCCESS:
        raise HarnessError(f"{urlsplit(endpoint).hostname} did not accept the spans. Is it an OTLP receiver for HTTP?")


@dataclass(frozen=True, slots=True)
class TracedPart:
    """A trial or an origin whose spans are exported.

    Attributes:
        top: The run directory.
        trial: Its verdict.
        cell: The cell of the trial; None for an origin.
        labels: Attributes of all its spans.
        resource: The harness, as OpenTelemetry describes a service.
    """

    top: Path
    trial: TrialVerdict
    cell: CellVerdict | None
    labels: dict[str, str | int]
    resource: Resource

    def change(self) -> ReadableSpan | None:
        """Return the span of the change; None if there was none."""
        phase = next((phase for phase in self.trial.phases if phase.label == Phase.CHANGE), None)
        outcome = read_outcome(TrialDirectory(self.top / self.trial.directory), [])
        is_change = self.cell is not None and self.cell.change_kind != NoChange.kind
        if self.cell is None or not is_change or phase is None or not outcome.origin_ns:
            return None
        wall = outcome.clock.to_wall(outcome.origin_ns)
        digest = hashlib.sha256(f"{self.trial.directory} {wall}".encode()).digest()
        ids = int.from_bytes(digest[:16], "big") or 1, int.from_bytes(digest[16:24], "big") or 1
        context = SpanContext(*ids, is_remote=False, trace_flags=_SAMPLED)
        return self._span(
            f"change {self.cell.change}",
            context,
            (wall + round(phase.start * _NS), wall + round(phase.end * _NS)),
            {"harness.lost": self.trial.identity.lost_total, "harness.verdict": self.trial.verdict.value},
        )

    def lost(self, change: ReadableSpan | None) -> Iterator[ReadableSpan]:
        """Yield the span of each lost request, with a link to the change."""
        context = change.get_span_context() if change is not None else None
        links = (Link(context),) if context is not None else ()
        for block in columns(self.top, self.top / self.trial.directory / "traffic", LOSSES):
            for values in zip(*block, strict=True):
                row: dict[str, Any] = dict(zip(COLUMNS, values, strict=True))
                if row["planned_unix_ns"] is not None:
                    yield self._lost(row, links)

    def _lost(self, row: dict[str, Any], links: Sequence[Link]) -> ReadableSpan:
        wall = row["planned_unix_ns"] - row["planned_ns"]
        token, _, number = row["id"].rpartition("-")
        trace, span = trace_ids(trace_seed(token), int(number))
        known = {"http.response.status_code": row["status"], "harness.errno": row["errno"]}
        return self._span(
            row["method"],
            SpanContext(trace, span, is_remote=False, trace_flags=_SAMPLED),
            (wall + row["sent_ns"], wall + (row["done_ns"] if row["done_ns"] is not None else row["sent_ns"])),
            {
                "http.request.method": row["method"],
                "url.path": row["path"],
                "error.type": row["outcome"],
                "harness.attempt": row["id"],
                "harness.connections": row["connections"],
                "harness.progress": row["progress"],
                **{name: value for name, value in known.items() if value is not None},
            },
            kind=SpanKind.CLIENT,
            status=Status(StatusCode.ERROR, row["outcome"]),
            links=links,
        )

    def _span(
        self,
        name: str,
        context: SpanContext,
        times: tuple[int, int],
        attributes: dict[str, str | int],
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        status: Status | None = None,
        links: Sequence[Link] = (),
    ) -> ReadableSpan:
        return ReadableSpan(
            name,
            context,
            resource=self.resource,
            attributes={**self.labels, **attributes},
            links=links,
            kind=kind,
            status=status or Status(StatusCode.UNSET),
            start_time=times[0],
            end_time=times[1],
            instrumentation_scope=InstrumentationScope("harness", metadata.version("harness")),
        )


def _parts(top: Path, verdict: RunVerdict | WatchVerdict, resource: Resource) -> Iterator[TracedPart]:
    """Yield every trial or origin that has sent something."""
    if isinstance(verdict, WatchVerdict):
        for origin in verdict.origins:
            if origin.trial.identity.sent:
                yield TracedPart(top, origin.trial, None, {"harness.origin": origin.url}, resource)
        return
    for cell in verdict.cells:
        for trial in cell.trials:
            labels: dict[str, str | int] = {
                "harness.configuration": cell.configuration,
                "harness.change": cell.change,
                "harness.trial": trial.number,
            }
            if trial.identity.sent:
                yield TracedPart(top, trial, cell, labels, resource)
