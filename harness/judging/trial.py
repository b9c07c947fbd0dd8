"""Turns one trial's evidence into its verdict.

A check that raises says nothing about the system. It becomes a finding of its own that makes the trial inconclusive.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from harness.analysis.chart_data import marks_of, phases_of, pods_of
from harness.analysis.confidence import transitions_of
from harness.analysis.connections import count_connections
from harness.analysis.evidence import Calibration, TrialEvidence
from harness.analysis.facts import Facts
from harness.analysis.failed import failed_of
from harness.analysis.measures import (
    EMPTY_LATENCY,
    count_streams,
    losing_windows,
    measure_latency,
    measure_lateness,
    series_of,
)
from harness.analysis.moments import Moments
from harness.analysis.pod_events import pod_events_of
from harness.analysis.series import EMPTY_SERIES
from harness.analysis.version_answers import version_answers_of
from harness.causes.attribution import Attribution, attribute, not_attributed
from harness.causes.pods import signal_marks
from harness.findings.finding_type import Subject, TrialFinding
from harness.findings.instrument import CheckRaised, TrialFailed
from harness.findings.registry import trial_checks, weight_of
from harness.model.attempt import Outcome
from harness.model.verdict import (
    ConnectionCount,
    Finding,
    Identity,
    Mark,
    TrialVerdict,
    Verdict,
    Weight,
)

#: The checks of a trial that ran, in the order of their findings.
CHECKS = trial_checks(Subject.TRIAL)


def verdict_of(findings: Sequence[Finding]) -> Verdict:
    """Return the verdict of findings: a broken instrument, else a loss, else missing evidence, else lossless."""
    weights = {weight_of(finding) for finding in findings}
    if Weight.INSTRUMENT in weights:
        return Verdict.INCONCLUSIVE
    if Weight.LOSS in weights:
        return Verdict.LOSSY
    return Verdict.INCONCLUSIVE if Weight.EVIDENCE in weights else Verdict.LOSSLESS


def judge_trial(
    evidence: TrialEvidence, checks: Sequence[type[TrialFinding]] = CHECKS, moments: Moments | None = None
) -> TrialVerdict:
    """Judge one trial.

    Args:
        evidence: The trial's evidence.
        checks: The checks to run.
        moments: Times of the change; None reads them from the timeline.
    """
    try:
        facts = Facts.of(evidence, moments)
        measured = _measured(facts)
    except Exception as error:  # noqa: BLE001 - damaged evidence of any kind must be a verdict, not a traceback
        failed = (TrialFailed(failure=evidence.failure).record(),) if evidence.failure else ()
        return _unreadable(evidence, (*failed, _raised("facts", error)))
    findings = tuple(finding for check in _checks_for(evidence, checks) for finding in _run_check(check, facts))
    return replace(measured, findings=findings, verdict=verdict_of(findings))


def _checks_for(evidence: TrialEvidence, checks: Sequence[type[TrialFinding]]) -> Sequence[type[TrialFinding]]:
    """Return the checks of a trial; a trial that was stopped or never began has only the checks of that state."""
    if evidence.stopped:
        return trial_checks(Subject.STOPPED_TRIAL)
    if evidence.failure and not evidence.origin_ns:
        # Traffic never began, or its start is unknown.
        return trial_checks(Subject.FAILED_TRIAL)
    return checks


def _run_check(check: type[TrialFinding], facts: Facts) -> Iterator[Finding]:
    """Yield the findings of a check, or one finding if the check raises."""
    try:
        found = tuple(finding.record() for finding in check.check(facts))
    except Exception as error:  # noqa: BLE001 - after any exception the result of this check is unknown
        found = (_raised(check.code, error),)
    yield from found


def _raised(name: str, error: Exception) -> Finding:
    return CheckRaised(check=name, error=f"{type(error).__name__}: {error}").record()


def _found(calibration: Calibration | None) -> dict[str, tuple[int, int]]:
    """Return ``(planned, found as expected)`` by fault."""
    cases = calibration.cases if calibration else ()
    return {case.name: (case.planned, case.found.get(case.expected, 0)) for case in cases}


def _measured(facts: Facts) -> TrialVerdict:
    """Return all numbers of a trial, before it is judged."""
    evidence, series = facts.evidence, series_of(facts)
    attribution = _attributed(facts)
    return TrialVerdict(
        number=evidence.number,
        directory=evidence.directory,
        verdict=Verdict.INCONCLUSIVE,
        findings=(),
        identity=facts.identity,
        streams=count_streams(facts),
        connections=count_connections(facts),
        latency=measure_latency(facts),
        phases=phases_of(evidence),
        pods=pods_of(evidence, facts.moments),
        losing=losing_windows(facts),
        marks=marks_of(evidence),
        series=series,
        responders=_responders(facts),
        calibration=_found(evidence.calibration),
        lateness_ms=measure_lateness(facts),
        answering=version_answers_of(facts, series),
        causes=attribution.causes,
        failed=attribution.failed,
        transitions=transitions_of(facts),
        pod_events=_pod_events(evidence),
        accounts=facts.joined.accounts if facts.joined is not None else None,
    )


def _attributed(facts: Facts) -> Attribution:
    """Return the causes; if a rule raises, all losses are unexplained, and the verdict stays."""
    failed = failed_of(facts)
    try:
        return attribute(facts, failed)
    except Exception as error:  # noqa: BLE001 - a cause explains a verdict and never decides it
        return Attribution((not_attributed(facts, f"{type(error).__name__}: {error}"),), failed)


def _pod_events(evidence: TrialEvidence) -> tuple[Mark, ...]:
    """Return the observed events of pods, and the signals that follow from them, in order.

    If the signals can't be derived, the observed events stay.
    """
    observed = pod_events_of(evidence)
    try:
        derived = signal_marks(evidence)
    except Exception:  # noqa: BLE001 - a mark of the chart never decides a verdict
        return observed
    return tuple(sorted((*observed, *derived), key=lambda mark: mark.at))


def _responders(facts: Facts) -> dict[str, int]:
    """Return the number of successes by answer."""
    numbers = facts.evidence.attempts["responder"][facts.outcome == Outcome.OK]
    counts = np.bincount(numbers, minlength=1 << 16)
    if facts.evidence.bulk is not None:
        counts += facts.evidence.bulk.responders
    return {
        facts.evidence.responders.get(number, f"answer {number}"): int(counts[number])
        for number in np.flatnonzero(counts).tolist()
        if number
    }


def _unreadable(evidence: TrialEvidence, findings: tuple[Finding, ...]) -> TrialVerdict:
    """Return the verdict of a trial whose evidence can't even be counted."""
    return TrialVerdict(
        number=evidence.number,
        directory=evidence.directory,
        verdict=Verdict.INCONCLUSIVE,
        findings=findings,
        identity=Identity(0, 0, 0, 0, 0, 0, {}, 0),
        streams=(),
        connections=ConnectionCount(0, 0, 0, 0, 0),
        latency=EMPTY_LATENCY,
        phases=(),
        pods=(),
        losing=(),
        marks=(),
        series=EMPTY_SERIES,
        responders={},
        calibration={},
        lateness_ms={},
    )
