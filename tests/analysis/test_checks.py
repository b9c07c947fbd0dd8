"""Tests with one made-up trial per finding: everything is right except for one thing, and the finding shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from harness.analysis.evidence import Calibration, CalibrationCase, TrialEvidence
from harness.analysis.workload import container_fields_of
from harness.findings.application import FalseGreen, PrestopFailed, RolloutStuck
from harness.findings.completeness import (
    AnswersOpenEnded,
    ChangeNotObserved,
    ChangesApart,
    NoTraffic,
    StreamWithoutSuccess,
)
from harness.findings.connections import ConnectionsCut, NothingReused, PoolNotFilled, UnusedClosed
from harness.findings.coverage import NoOverlap
from harness.findings.expectations import (
    ClassNotSeen,
    ControlMissing,
    LossInControl,
    LossOutsideWindow,
    MaskingNotExpected,
    MaskingUnknown,
)
from harness.findings.in_place import ChangeWithheld, Interference
from harness.findings.instrument import (
    AccountsBroken,
    CalibrationMissing,
    CalibrationNotExact,
    CheckRaised,
    ClientFaults,
    IdentityBroken,
    SealBroken,
    TrialFailed,
)
from harness.findings.losses import AnsweredOutOfTurn, LossBeforeChange, RequestsLost
from harness.findings.registry import TYPES
from harness.findings.releases import (
    NeverSticky,
    ReleaseIncomplete,
    ShareNotAsAsked,
    ShareNotMeasured,
    VersionUntold,
)
from harness.findings.remarks import CandidatesDiffer, ClocksCompared, Redirected, RolledBack
from harness.findings.sending import AbandonedSlots, BehindSchedule, MachineSaturated, MissedSlots, Unfinished
from harness.findings.shapes import NeverIdle, NeverPreopened, NeverReused, NothingUnderWay, NothingWaited
from harness.findings.stopping import CutShort, NotEnded, NotRun
from harness.findings.surroundings import ClockUncertain, FieldAssumed, NodeUnwell, SenderPaused, WatchInterrupted
from harness.judging.trial import judge_trial
from harness.model.attempt import CloseReason, Method, Outcome, Progress
from harness.model.changes import RollingUpdate
from harness.model.experiment import Assumption, Pool, Tls
from harness.model.timeline import EventKind
from harness.model.verdict import Finding, Verdict
from harness.testing.evidence import (
    BEGIN,
    CHANGE,
    NS,
    PLAN,
    STOP,
    deployment,
    proof,
    quiet_trial,
    with_cut_connections,
    with_event,
    with_losses,
    with_rows,
    without_events,
    without_rows,
)

Spoil = Callable[[TrialEvidence], TrialEvidence]


def found(evidence: TrialEvidence) -> dict[str, Finding]:
    """Return the findings of a trial by code."""
    return {finding.code: finding for finding in judge_trial(evidence).findings}


def without(label: str) -> Calibration:
    """Return a complete calibration without one class."""
    return replace(proof(), cases=tuple(case for case in proof().cases if case.expected != label))


def calibrated(*cases: CalibrationCase, **more: object) -> Spoil:
    """Return a complete calibration with further cases."""
    proved = replace(proof(), cases=(*proof().cases, *cases), **more)  # type: ignore[arg-type]  # table
    return lambda evidence: replace(evidence, calibration=proved)


def late(rows: slice, milliseconds: int) -> Spoil:
    """Return a trial with attempts sent late."""

    def alter(evidence: TrialEvidence) -> TrialEvidence:
        attempts = evidence.attempts.copy()
        attempts["sent"][rows] += milliseconds * 1_000_000
        attempts["done"][rows] += milliseconds * 1_000_000
        return replace(evidence, attempts=attempts)

    return alter


def duplicated(evidence: TrialEvidence) -> TrialEvidence:
    """Return a trial with one slot recorded twice."""
    return replace(evidence, attempts=np.concatenate([evidence.attempts, evidence.attempts[7:8]]))


def pods_that_ignore_sigterm(evidence: TrialEvidence) -> TrialEvidence:
    """Return a trial without preStop in which the old pod ended with its grace period."""
    events = without_events(evidence, EventKind.POD, "gone")
    gone = with_event(events, BEGIN + 0.42 + 29.5, EventKind.POD, "gone", subject="apple-66f9d8c7b5-x7k2p")
    return replace(gone, manifests=(deployment(prestop=False),))


EXACT = CalibrationCase("rst-before", "reset", 8, {"reset": 8})
STUCK = RollingUpdate(name="rolling-update", deployment="apple", until="progress-deadline")
NO_NETWORK = "NetworkUnavailable"
NAIVE_POOL = replace(PLAN, pool=Pool(size=64))

TABLE: dict[str, tuple[Spoil, str, Verdict]] = {
    "failed": (lambda e: replace(e, failure="the cluster died"), TrialFailed.code, Verdict.INCONCLUSIVE),
    "no calibration": (
        lambda e: replace(e, calibration=None),
        CalibrationMissing.code,
        Verdict.INCONCLUSIVE,
    ),
    "calibration of nothing": (
        lambda e: replace(e, calibration=Calibration(())),
        CalibrationMissing.code,
        Verdict.INCONCLUSIVE,
    ),
    "a kind of fault never shown": (
        lambda e: replace(e, calibration=without("malformed")),
        CalibrationMissing.code,
        Verdict.INCONCLUSIVE,
    ),
    "TLS that was never proved": (
        lambda e: replace(e, traffic=replace(e.traffic, tls=Tls()), calibration=without("tls")),
        CalibrationMissing.code,
        Verdict.INCONCLUSIVE,
    ),
    "no count of the faulty server": (
        calibrated(served={}),
        CalibrationMissing.code,
        Verdict.INCONCLUSIVE,
    ),
    "fault called success": (
        calibrated(EXACT, CalibrationCase("fin-before", "closed", 8, {"closed": 7, "ok": 1})),
        CalibrationNotExact.code,
        Verdict.INCONCLUSIVE,
    ),
    "fault counted short": (
        calibrated(CalibrationCase("fin-before", "closed", 8, {"closed": 7})),
        CalibrationNotExact.code,
        Verdict.INCONCLUSIVE,
    ),
    "faulty server got more": (
        calibrated(EXACT, served={"rst-before": (8, 9)}),
        CalibrationNotExact.code,
        Verdict.INCONCLUSIVE,
    ),
    "client re-sends": (calibrated(EXACT, duplicates=1), CalibrationNotExact.code, Verdict.INCONCLUSIVE),
    "calibration failed": (
        calibrated(EXACT, faults=("no port",)),
        CalibrationNotExact.code,
        Verdict.INCONCLUSIVE,
    ),
    "success without a 2xx": (
        lambda e: with_rows(e, 1.5, 1.6, status=503),
        IdentityBroken.code,
        Verdict.INCONCLUSIVE,
    ),
    "success without an answer": (
        lambda e: with_rows(e, 1.5, 1.6, progress=Progress.SENT),
        IdentityBroken.code,
        Verdict.INCONCLUSIVE,
    ),
    "success that ended before it began": (
        lambda e: with_rows(e, 1.5, 1.6, done=1),
        IdentityBroken.code,
        Verdict.INCONCLUSIVE,
    ),
    "nothing reused since the change": (
        lambda e: with_rows(e, 0.0, STOP, carried=0),
        NeverReused.code,
        Verdict.INCONCLUSIVE,
    ),
    "too few requests to see anything": (
        lambda _: quiet_trial(plan=replace(PLAN, rate=3.0)),
        NoOverlap.code,
        Verdict.INCONCLUSIVE,
    ),
    "slot twice": (duplicated, IdentityBroken.code, Verdict.INCONCLUSIVE),
    "row after the stop": (
        lambda e: replace(e, stopped_ns=e.origin_ns + 2 * NS),
        IdentityBroken.code,
        Verdict.INCONCLUSIVE,
    ),
    "row at another time": (
        lambda e: with_rows(e, 0.5, 0.51, planned=777),
        IdentityBroken.code,
        Verdict.INCONCLUSIVE,
    ),
    "row of another stream": (
        lambda e: with_rows(e, 0.5, 0.51, method=Method.GET),
        IdentityBroken.code,
        Verdict.INCONCLUSIVE,
    ),
    "unknown outcome": (
        lambda e: with_rows(e, 1.5, 1.6, outcome=77),
        IdentityBroken.code,
        Verdict.INCONCLUSIVE,
    ),
    "end unknown": (lambda e: replace(e, stopped_ns=None), IdentityBroken.code, Verdict.INCONCLUSIVE),
    "client fault": (
        lambda e: with_losses(e, 1.5, 1.6, Outcome.CLIENT_FAULT),
        ClientFaults.code,
        Verdict.INCONCLUSIVE,
    ),
    "ledger full": (lambda e: replace(e, faults=("disk full",)), ClientFaults.code, Verdict.INCONCLUSIVE),
    "loss in the baseline": (
        lambda e: with_losses(e, 0.4, 0.42),
        LossBeforeChange.code,
        Verdict.INCONCLUSIVE,
    ),
    "new answer before the change": (
        lambda e: with_rows(e, 0.4, 0.42, responder=2),
        LossBeforeChange.code,
        Verdict.INCONCLUSIVE,
    ),
    "lost by a redirect": (
        lambda e: replace(
            with_rows(e, 1.5, 1.6, outcome=Outcome.STATUS, status=302, responder=9),
            responders={**e.responders, 9: "redirect to /login"},
        ),
        Redirected.code,
        Verdict.LOSSY,
    ),
    "loss": (lambda e: with_losses(e, 1.5, 1.6), RequestsLost.code, Verdict.LOSSY),
    "loss while settling": (lambda e: with_losses(e, 2.5, 2.51), RequestsLost.code, Verdict.LOSSY),
    "no traffic": (
        lambda e: with_losses(e, 0, STOP, Outcome.MISSED),
        NoTraffic.code,
        Verdict.INCONCLUSIVE,
    ),
    "answers without a length": (lambda e: replace(e, open_ended=1), AnswersOpenEnded.code, Verdict.INCONCLUSIVE),
    "missed": (lambda e: with_losses(e, 1.5, 1.51, Outcome.MISSED), MissedSlots.code, Verdict.INCONCLUSIVE),
    "abandoned": (lambda e: without_rows(e, 150), AbandonedSlots.code, Verdict.INCONCLUSIVE),
    "unfinished": (
        lambda e: with_losses(e, 1.5, 1.51, Outcome.UNFINISHED),
        Unfinished.code,
        Verdict.INCONCLUSIVE,
    ),
    "never applied": (
        lambda e: without_events(e, EventKind.CHANGE, "applied"),
        ChangeNotObserved.code,
        Verdict.INCONCLUSIVE,
    ),
    "never seen": (
        lambda e: without_events(e, EventKind.CHANGE, "observed"),
        ChangeNotObserved.code,
        Verdict.INCONCLUSIVE,
    ),
    "one of two seen": (
        lambda e: replace(e, change=replace(CHANGE, times=2)),
        ChangeNotObserved.code,
        Verdict.INCONCLUSIVE,
    ),
    "undo not seen": (
        lambda e: with_event(e, 1.9, EventKind.CHANGE, "not-observed", awaited="undone", missing="x"),
        ChangeNotObserved.code,
        Verdict.INCONCLUSIVE,
    ),
    "nothing sent after it": (
        lambda e: without_rows(e, *range(200, 300)),
        NoOverlap.code,
        Verdict.INCONCLUSIVE,
    ),
    "nothing sent before it": (lambda e: without_rows(e, *range(100)), NoOverlap.code, Verdict.INCONCLUSIVE),
    "gap while it happens": (
        lambda e: without_rows(e, *range(120, 170)),
        NoOverlap.code,
        Verdict.INCONCLUSIVE,
    ),
    "all late": (late(slice(None), 120), BehindSchedule.code, Verdict.INCONCLUSIVE),
    "a second without the processor": (
        late(slice(140, 260), 160),
        MachineSaturated.code,
        Verdict.INCONCLUSIVE,
    ),
    "blind while it happens": (
        lambda e: with_event(e, 1.5, EventKind.WATCH, "interrupted"),
        WatchInterrupted.code,
        Verdict.INCONCLUSIVE,
    ),
    "node without memory": (
        lambda e: with_event(e, 1.5, EventKind.NODE, "unwell", subject="n", condition="MemoryPressure", found=False),
        NodeUnwell.code,
        Verdict.INCONCLUSIVE,
    ),
    "node without network": (
        lambda e: with_event(e, 1.5, EventKind.NODE, "unwell", subject="n", found=False, condition=NO_NETWORK),
        NodeUnwell.code,
        Verdict.INCONCLUSIVE,
    ),
    "changed since it was sealed": (
        lambda e: replace(e, differences=("changed: x",)),
        SealBroken.code,
        Verdict.INCONCLUSIVE,
    ),
    "field assumed to be inert": (
        lambda e: replace(e, assumed=(Assumption("spec.tls", "Ingress web", "a real cluster answers 308"),)),
        FieldAssumed.code,
        Verdict.INCONCLUSIVE,
    ),
    "deaf pods": (pods_that_ignore_sigterm, FalseGreen.code, Verdict.LOSSLESS),
    "stuck as meant": (lambda e: replace(e, change=STUCK), RolloutStuck.code, Verdict.LOSSLESS),
    "hook failed": (
        lambda e: with_event(e, 1.5, EventKind.KUBELET, "FailedPreStopHook", subject="apple-1", message="no sh"),
        PrestopFailed.code,
        Verdict.LOSSLESS,
    ),
    "cut by FIN": (
        lambda e: with_cut_connections(e, 1.5, CloseReason.PEER_FIN, 3),
        ConnectionsCut.code,
        Verdict.LOSSLESS,
    ),
    "small pool": (lambda e: replace(e, traffic=NAIVE_POOL), PoolNotFilled.code, Verdict.LOSSLESS),
}


@pytest.mark.parametrize(
    ("condition", "advised"), [(NO_NETWORK, "SO_REUSEADDR"), ("DiskPressure, MemoryPressure", "memory, disk")]
)
def test_the_advice_on_a_node_fits_its_condition(condition: str, advised: str) -> None:
    """A program that keeps its pod's address can be corrected by its user; more memory would not help."""
    found = NodeUnwell(node="n", conditions=condition, count=1, first_s=0.5)

    assert advised in found.sentence().advice


@pytest.mark.parametrize(
    ("grace", "reported", "expected"),
    [
        # The program is missing: the hook fails at once.
        (30, 0.2, {"count": 1, "cut_off": 0, "forced": 0}),
        # The kubelet reports a hook that still runs at the end of the grace period in the same way.
        (2, 3.1, {"count": 0, "cut_off": 1, "forced": 0}),
        # After a deletion by force a hook gets 1 s.
        (0, 1.1, {"count": 0, "cut_off": 1, "forced": 1}),
        (0, 0.2, {"count": 1, "cut_off": 0, "forced": 0}),
    ],
)
def test_a_hook_that_was_cut_off_did_not_fail(grace: int, reported: float, expected: dict[str, int]) -> None:
    """The time of the kubelet's report, counted from the beginning of the stop, shows which of both it was."""
    trial = without_events(quiet_trial(), EventKind.POD, "terminating")
    pod = next(event.subject for event in trial.timeline if event.kind is EventKind.POD)
    trial = with_event(trial, 1.2, EventKind.POD, "terminating", subject=pod, grace=grace)
    trial = with_event(trial, 1.2, EventKind.KUBELET, "Killing", subject=pod)
    trial = with_event(trial, 1.2 + reported, EventKind.KUBELET, "FailedPreStopHook", subject=pod, message="no sh")
    numbers = found(trial)[PrestopFailed.code].numbers

    assert {key: numbers[key] for key in expected} == expected


def test_a_quiet_trial_is_lossless() -> None:
    """Without a fault there is no finding, so each finding below comes from its one fault."""
    verdict = judge_trial(quiet_trial())

    assert (verdict.verdict, verdict.findings) == (Verdict.LOSSLESS, ())


@pytest.mark.parametrize("case", TABLE)
def test_each_fault_is_found(case: str) -> None:
    """Each fault of the evidence has its finding and its verdict."""
    alter, code, verdict = TABLE[case]

    judged = judge_trial(alter(quiet_trial()))

    assert code in {finding.code for finding in judged.findings}
    assert judged.verdict is verdict


def test_every_trial_finding_has_a_case() -> None:
    """Findings about streams, shapes, pauses, releases, cells and raising checks have tests elsewhere."""
    elsewhere = {
        StreamWithoutSuccess.code,
        CheckRaised.code,
        NotRun.code,
        CutShort.code,
        NotEnded.code,
        LossInControl.code,
        Interference.code,
        ChangeWithheld.code,
        ChangesApart.code,
        ControlMissing.code,
        ClassNotSeen.code,
        LossOutsideWindow.code,
        *(AccountsBroken.code, MaskingUnknown.code, MaskingNotExpected.code),
        NothingReused.code,
        SenderPaused.code,
        *(NeverIdle.code, NeverPreopened.code, NothingWaited.code, UnusedClosed.code),
        *(NeverSticky.code, ShareNotAsAsked.code, ShareNotMeasured.code),
        *(ReleaseIncomplete.code, VersionUntold.code),
        *(AnsweredOutOfTurn.code, RolledBack.code, CandidatesDiffer.code),
        NothingUnderWay.code,
        ClockUncertain.code,
        ClocksCompared.code,
    }

    missing = set(TYPES) - elsewhere - {code for _, code, _ in TABLE.values()}

    assert missing == set(), "add a row to TABLE, or a test in another file and the code to `elsewhere`"
    assert {code for _, code, _ in TABLE.values()} | elsewhere == set(TYPES)


def test_a_stream_that_never_works_is_named() -> None:
    """The finding has its method and shape."""
    evidence = quiet_trial()
    rows = evidence.attempts.copy()
    rows["outcome"][(rows["method"] == Method.POST) & (rows["shape"] == 1)] = Outcome.STATUS

    finding = found(replace(evidence, attempts=rows))[StreamWithoutSuccess.code]

    assert finding.numbers == {"method": "POST", "shape": "reused", "path": "/apple"}


def test_a_prestop_excuses_pods_that_stay() -> None:
    """A preStop hook as long as the grace period explains why the pod stayed."""
    evidence = replace(pods_that_ignore_sigterm(quiet_trial()), manifests=(deployment(prestop=True),))

    assert FalseGreen.code not in found(evidence)


def test_the_fields_of_a_set_are_not_those_of_a_deployment_with_its_name() -> None:
    """A hook that a change gives to a StatefulSet says nothing about the pods of the Deployment."""
    fields = {"lifecycle": {"preStop": {"sleep": {"seconds": 6}}}}
    update = RollingUpdate(name="update", set=fields)
    changes = replace(update, deployment="apple"), replace(update, statefulset="apple")
    given = [container_fields_of(replace(quiet_trial(), change=change), "apple") for change in changes]

    assert given == [fields, {}]


@pytest.mark.parametrize(
    ("at", "what", "found"), [(1.5, "unwell", True), (1.5, "well", False), (-0.5, "unwell", False)]
)
def test_only_nodes_that_become_unwell_during_traffic_count(at: float, what: str, found: bool) -> None:
    """A state from before the trial, a recovery, or an event before the first request does not count."""
    detail: dict[str, str | int] = {"condition": "DiskPressure", "found": found}
    evidence = with_event(quiet_trial(), at, EventKind.NODE, what, subject="n", **detail)

    assert judge_trial(evidence).findings == ()
