"""Turns the evidence of a watch into its verdict: each origin is judged as one long change, then all are combined."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.analysis.compacting import with_counted
from harness.analysis.evidence import TrialEvidence
from harness.analysis.measures import REPORTED_PERCENTILES, latency_of
from harness.analysis.moments import NS, Moments
from harness.analysis.outages import find_outages, find_outages_in, outage_records
from harness.analysis.quantiles import Distribution
from harness.analysis.thresholds import exported
from harness.errors import ExitCode
from harness.findings.finding_type import Subject
from harness.findings.registry import trial_checks
from harness.judging.trial import judge_trial
from harness.model.attempt import Progress
from harness.model.rates import lowest_rate
from harness.model.schedule import streams
from harness.model.verdict import Identity, Latency, Verdict
from harness.model.watch import OriginVerdict, WatchVerdict

#: Verdicts, the worst first: a certain loss outweighs an unknown, and an unknown outweighs a success.
_WORST = {
    Verdict.LOSSY: ExitCode.UNEXPECTED,
    Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    Verdict.LOSSLESS: ExitCode.AS_EXPECTED,
}

#: The change that the user watches for may happen at any time, so every request counts as sent during it.
WATCH_BEGIN_S = 0.0


@dataclass(frozen=True, slots=True)
class OriginEvidence:
    """The evidence of the traffic to one origin.

    Attributes:
        url: Scheme, host and port.
        address: The resolved address; empty if the name could not be resolved.
        trial: Attempts, connections, calibration, faults; its change and timeline have no meaning.
        wall_origin_ns: Start of the traffic in nanoseconds since the Unix epoch; 0 if unknown.
    """

    url: str
    address: str
    trial: TrialEvidence
    wall_origin_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchFacts:
    """Facts about the watch as a whole for the report; none of them changes a verdict.

    Attributes:
        urls: The watched URLs as the user wrote them.
        command: Command line of the watch.
        started: Start of the watch, ISO 8601.
        interrupted: True if a signal ended it.
        environment: Facts about machine and versions, by name.
    """

    urls: tuple[str, ...]
    command: str
    started: str
    interrupted: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


def judge_watch(watch: WatchFacts, origins: Sequence[OriginEvidence]) -> WatchVerdict:
    """Return the verdict of a watch, which is that of its worst origin."""
    judged = tuple(_judge_origin(origin) for origin in origins)
    found = {origin.trial.verdict for origin in judged}
    verdict = next((each for each in _WORST if each in found), Verdict.INCONCLUSIVE)
    identity = _sum([origin.trial.identity for origin in judged])
    seconds = max((origin.seconds for origin in judged), default=0.0)
    return WatchVerdict(
        urls=watch.urls,
        verdict=verdict,
        exit_code=int(_WORST[verdict]),
        identity=identity,
        rate=round(identity.sent / seconds, 3) if seconds else 0.0,
        latency=judged[0].trial.latency if len(judged) == 1 else _latency([origin.trial for origin in origins]),
        origins=judged,
        interrupted=watch.interrupted,
        command=watch.command,
        started=watch.started,
        seconds=seconds,
        environment=dict(watch.environment),
        thresholds=exported(),
    )


def _judge_origin(origin: OriginEvidence) -> OriginVerdict:
    evidence = origin.trial
    rows, kinds, bulk = evidence.attempts, len(streams(evidence.traffic)), evidence.bulk
    moments = replace(Moments.of(evidence), begin=WATCH_BEGIN_S)
    end = round(moments.stop * NS)
    if bulk is None:
        found = find_outages(rows["planned"], rows["outcome"], streams=kinds, end_ns=end)
    else:
        blocks = with_counted(bulk.ledger, bulk.counted, evidence.traffic)
        found = find_outages_in(blocks, streams=kinds, end_ns=end)
    return OriginVerdict(
        url=origin.url,
        address=origin.address,
        trial=judge_trial(evidence, trial_checks(Subject.WATCH), moments),
        outages=outage_records(found),
        outages_total=len(found),
        wall_origin_ns=origin.wall_origin_ns,
        seconds=moments.stop,
        shortest_seen=round(1 / lowest_rate(evidence.traffic.rate), 6),
        shortest_seen_by_stream=round(kinds / lowest_rate(evidence.traffic.rate), 6),
        counted=0 if bulk is None else sum(each.counted for each in bulk.counted),
    )


def _sum(identities: Sequence[Identity]) -> Identity:
    lost = Counter[str]()
    for identity in identities:
        lost.update(identity.lost)
    return Identity(
        planned=sum(each.planned for each in identities),
        sent=sum(each.sent for each in identities),
        missed=sum(each.missed for each in identities),
        abandoned=sum(each.abandoned for each in identities),
        client_faults=sum(each.client_faults for each in identities),
        ok=sum(each.ok for each in identities),
        lost=dict(sorted(lost.items(), key=lambda item: (-item[1], item[0]))),
        unfinished=sum(each.unfinished for each in identities),
    )


def _latency(trials: Sequence[TrialEvidence]) -> Latency:
    """Return the latency of the answered attempts of all origins."""
    found = {begin: Distribution(REPORTED_PERCENTILES) for begin in ("sent", "planned")}
    for counted in (each for trial in trials if trial.bulk is not None for each in trial.bulk.counted):
        for period in counted.latency:
            found["sent"].add_counted(period.latency)
        found["planned"].add_counted(counted.planned_latency)
    for take in (Distribution.add, Distribution.collect):
        for trial in trials:
            for rows in [trial.attempts] if trial.bulk is None else trial.bulk.ledger:
                answered = rows[rows["progress"] == Progress.ANSWERED]
                for begin, distribution in found.items():
                    take(distribution, (answered["done"] - answered[begin]) / 1e6)
    return latency_of(found["sent"], found["planned"])
