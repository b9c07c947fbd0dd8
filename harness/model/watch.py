"""What is said of traffic that was only watched: no change, no control, no expectation; the account and its outages.

Times are seconds from the origin of the traffic unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.model.verdict import Identity, Latency, TrialVerdict, Verdict


@dataclass(frozen=True, slots=True)
class Outage:
    """A stretch of time in which requests were lost; ``harness.analysis.outages`` says where one begins and ends.

    Attributes:
        start: Planned time of its first lost request.
        end: Planned time of the first request after it that was answered; the end of the schedule where none was.
        lost: Requests lost in it.
        sent: Requests planned in it that were sent, the lost ones included.
        classes: Outcome label -> how many of the lost ones.
        is_over: Whether a request was answered after it.
    """

    start: float
    end: float
    lost: int
    sent: int
    classes: Mapping[str, int]
    is_over: bool

    @property
    def seconds(self) -> float:
        """Its length."""
        return round(self.end - self.start, 6)


@dataclass(frozen=True, slots=True)
class OriginVerdict:
    """What is said of one origin (scheme, host and port), to which one sender kept traffic.

    Attributes:
        url: ``http://shop.example:8080``.
        address: What its name led to: ``10.0.0.7:8080``; empty if it led nowhere.
        trial: The account and everything that was measured.
        outages: In their order; the longest ones if there are more than a report can hold.
        outages_total: How many there were.
        wall_origin_ns: The traffic's origin in nanoseconds since the Unix epoch; 0 if it is not known.
        seconds: How long requests were planned for.
        shortest_seen: Seconds between two requests: a shorter outage may go unseen.
        shortest_seen_by_stream: The same for an outage that hits one stream alone.
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


@dataclass(frozen=True, slots=True)
class WatchVerdict:
    """The answer of a whole watch.

    Attributes:
        urls: What was watched, as it was given.
        verdict: The worst of its origins: lossy before inconclusive before lossless.
        exit_code: Of the process.
        identity: The account, over all origins.
        rate: Requests sent per second, over all origins.
        latency: Of answered requests, over all origins.
        origins: Each by itself.
        interrupted: Whether it was ended by Ctrl-C, SIGTERM or SIGHUP rather than by its time.
        command: The command line that began it.
        started: ISO 8601.
        seconds: How long requests were planned for, at the longest.
        environment: What -> value.
        thresholds: Name -> (value, reason).
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
