"""Records of the verdict on watched traffic: the account and its outages, without change, control or expectation.

Times are seconds from the start of the traffic unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.model.verdict import Identity, Latency, TrialVerdict, Verdict

#: Version of the format of ``verdict.json`` of a watch.
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Outage:
    """A period in which requests were lost; ``harness.analysis.outages`` defines its start and end.

    Attributes:
        start: Planned time of its first lost request.
        end: Planned time of the first answered request after it; the schedule's end if there is none.
        lost: Requests lost in it.
        sent: Requests planned in it and sent, including the lost ones.
        classes: Number of lost requests by outcome label.
        is_over: True if a request was answered after it.
    """

    start: float
    end: float
    lost: int
    sent: int
    classes: Mapping[str, int]
    is_over: bool

    @property
    def seconds(self) -> float:
        """Return its length."""
        return round(self.end - self.start, 6)


@dataclass(frozen=True, slots=True)
class OriginVerdict:
    """The verdict on one origin (scheme, host and port), which has a sender of its own.

    Attributes:
        url: ``http://shop.example:8080``.
        address: The resolved address: ``10.0.0.7:8080``; empty if the name could not be resolved.
        trial: The account and all measurements.
        outages: Outages in order of time; only the longest if there are too many for a report.
        outages_total: Number of all outages.
        wall_origin_ns: Start of the traffic in nanoseconds since the Unix epoch; 0 if unknown.
        seconds: Duration of the schedule.
        shortest_seen: Seconds between two requests; a shorter outage may stay unseen.
        shortest_seen_by_stream: The same for an outage of one stream only.
        counted: Right answers far from any loss that were counted and not kept (``--keep-ok``).
    """

    url: str
    address: str
    trial: TrialVerdict
    outages: tuple[Outage, ...]
    outages_total: int
    wall_origin_ns: int
    seconds: float
    shortest_seen: float
    shortest_seen_by_stream: float
    counted: int = 0


@dataclass(frozen=True, slots=True)
class WatchVerdict:
    """The verdict on a whole watch.

    Attributes:
        urls: The watched URLs as the user wrote them.
        verdict: The worst verdict of its origins: lossy, then inconclusive, then lossless.
        exit_code: Exit code of the process.
        identity: The account of all origins.
        rate: Requests sent per second to all origins.
        latency: Latency of the answered requests of all origins.
        origins: The verdict on each origin.
        interrupted: Ctrl-C, SIGTERM or SIGHUP ended it before its time was up.
        command: Command line of the watch.
        started: Start of the watch, ISO 8601.
        seconds: Duration of the longest schedule.
        environment: Facts about machine and versions, by name.
        thresholds: ``(value, reason)`` by name.
        schema_version: Version of this record as ``verdict.json``; earlier harnesses wrote none.
    """

    urls: tuple[str, ...]
    verdict: Verdict
    exit_code: int
    identity: Identity
    rate: float
    latency: Latency
    origins: tuple[OriginVerdict, ...]
    interrupted: bool
    command: str
    started: str
    seconds: float
    environment: Mapping[str, str]
    thresholds: Mapping[str, tuple[float, str]]
    schema_version: int = SCHEMA_VERSION
