"""Tests of traffic of several workers: one uncalibrated detector or unknown clock makes the trial inconclusive."""

from __future__ import annotations

from dataclasses import replace

from harness.analysis.evidence import Calibration, CalibrationCase
from harness.findings.remarks import ClocksCompared
from harness.findings.surroundings import ClockUncertain
from harness.judging.trial import judge_trial
from harness.model.verdict import Verdict
from harness.testing.evidence import quiet_trial

FINE = Calibration(
    (CalibrationCase("fin", "closed", 4, {"closed": 4}), CalibrationCase("ok", "ok", 2, {"ok": 2})),
    {"fin": (4, 4), "ok": (2, 2)},
)


def test_a_clock_that_is_known_well_enough_is_a_note() -> None:
    """An error of a millisecond does not change the verdict, but is reported."""
    judged = judge_trial(replace(quiet_trial(), clock_errors={1: 0.0004, 2: 0.001}))
    (finding,) = judged.findings

    assert judged.verdict is Verdict.LOSSLESS
    assert (finding.code, finding.numbers) == (ClocksCompared.code, {"workers": 2, "error_ms": 1.0})


def test_a_clock_that_is_not_known_makes_the_trial_inconclusive() -> None:
    """The finding has the worker and its possible error."""
    judged = judge_trial(replace(quiet_trial(), clock_errors={1: 0.0004, 2: 0.02}))
    (found,) = [finding for finding in judged.findings if finding.code == ClockUncertain.code]

    assert judged.verdict is Verdict.INCONCLUSIVE
    assert found.numbers == {"worker": 2, "error_ms": 20.0, "limit_ms": 10.0}


def test_exact_calibrations_are_added_up() -> None:
    """Two workers tested each fault, and the report has one line for it."""
    joined = Calibration.joined([FINE, FINE])

    assert [(case.name, case.planned, case.is_exact) for case in joined.cases] == [("fin", 8, True), ("ok", 4, True)]
    assert joined.served == {"fin": (8, 8), "ok": (4, 4)}


def test_two_errors_do_not_cancel_out() -> None:
    """One worker reported a fault too few, the other one too many; the sum would be right."""
    few = replace(FINE, cases=(CalibrationCase("fin", "closed", 4, {"closed": 3}), FINE.cases[1]))
    many = replace(FINE, cases=(CalibrationCase("fin", "closed", 4, {"closed": 5}), FINE.cases[1]))
    joined = Calibration.joined([few, many])

    assert [case.name for case in joined.cases if not case.is_exact] == ["fin (worker 0)", "fin (worker 1)"]


def test_two_wrong_server_counts_do_not_cancel_out() -> None:
    """The faulty server of one machine received a request too few, the other one too many."""
    joined = Calibration.joined([replace(FINE, served={"fin": (4, 3)}), replace(FINE, served={"fin": (4, 5)})])

    assert joined.served == {"fin (worker 0)": (4, 3), "fin (worker 1)": (4, 5)}


def test_a_fault_that_one_worker_never_tested_is_not_exact() -> None:
    """Only the other worker's calibration has it."""
    joined = Calibration.joined([FINE, replace(FINE, cases=FINE.cases[1:])])

    assert [case.name for case in joined.cases if not case.is_exact] == ["fin (worker 1)"]


def test_a_missing_server_count_of_one_worker_makes_all_missing() -> None:
    """The server of one machine proves nothing for the other machine."""
    assert Calibration.joined([FINE, replace(FINE, served={})]).served == {}
