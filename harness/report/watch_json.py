"""The JSON object that ``harness watch --json`` prints: accounting and outages, for scripts."""

from __future__ import annotations

from collections.abc import Iterator

from harness.model.watch import WatchVerdict
from harness.report.outputs import LatencyOutput, OutageOutput, WatchOutput
from harness.wording import instant


def summary(watch: WatchVerdict, directory: str, *, sealed: int | None = None) -> WatchOutput:
    """Return the object. ``docs/reference/watch.md`` describes its members.

    Args:
        watch: The verdict.
        directory: The run directory.
        sealed: Number of requests in sealed segments if the watch is still going on; None if it has ended.
    """
    identity = watch.identity
    return WatchOutput(
        verdict=watch.verdict.value,
        final=sealed is None,
        sealed=sealed,
        planned=identity.planned,
        missed_slots=identity.missed,
        abandoned=identity.abandoned,
        client_faults=identity.client_faults,
        sent=identity.sent,
        ok=identity.ok,
        counted=sum(origin.counted for origin in watch.origins),
        unfinished=identity.unfinished,
        lost=dict(identity.lost),
        lost_total=identity.lost_total,
        rate=watch.rate,
        latency_ms=_three(watch.latency.p50_planned, watch.latency.p99_planned, watch.latency.max_planned),
        latency_sent_ms=_three(watch.latency.p50, watch.latency.p99, watch.latency.max),
        outages=tuple(sorted(_outages(watch), key=lambda outage: (outage.start, outage.start_s))),
        outages_total=sum(origin.outages_total for origin in watch.origins),
        seconds=watch.seconds,
        interrupted=watch.interrupted,
        findings=tuple(sorted({finding.code for origin in watch.origins for finding in origin.trial.findings})),
        exit_code=int(watch.exit_code),
        directory=directory,
    )


def _three(p50: float, p99: float, longest: float) -> LatencyOutput:
    """Return latencies in milliseconds. All are None if no request was answered: no answer takes 0 ms."""
    return LatencyOutput(p50=p50, p99=p99, max=longest) if longest else LatencyOutput(p50=None, p99=None, max=None)


def _outages(watch: WatchVerdict) -> Iterator[OutageOutput]:
    for origin in watch.origins:
        for outage in origin.outages:
            yield OutageOutput(
                start=instant(origin.wall_origin_ns + round(outage.start * 1e9)) if origin.wall_origin_ns else "",
                start_s=outage.start,
                seconds=outage.seconds,
                lost=outage.lost,
                sent=outage.sent,
                over=outage.is_over,
                classes=dict(outage.classes),
                origin=origin.url,
            )
