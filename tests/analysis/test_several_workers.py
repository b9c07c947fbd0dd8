"""Traffic of several workers: one whose detector is not proved, or whose clock is not known, spoils the trial."""

from __future__ import annotations

from dataclasses import replace

from harness.analysis.evidence import Calibration, CalibrationCase
from harness.analysis.judge import judge_trial
from harness.model.verdict import FindingCode, Verdict
from harness.testing.evidence import quiet_trial

FINE = Calibration(
    (CalibrationCase("fin", "closed", 4, {"closed": 4}), CalibrationCase("ok", "ok", 2, {"ok": 2})),
    {"fin": (4, 4), "ok": (2, 2)},
)


def test_a_clock_that_is_known_well_enough_is_a_note() -> None:
    """Times that are right to a millisecond take nothing from a verdict, but are told."""
    judged = judge_trial(replace(quiet_trial(), clock_errors={1: 0.0004, 2: 0.001}))
    (finding,) = judged.findings

    assert judged.verdict is Verdict.LOSSLESS
    assert (finding.code, finding.numbers) == (FindingCode.CLOCKS_COMPARED, {"workers": 2, "error_ms": 1.0})


def test_a_clock_that_is_not_known_makes_the_trial_inconclusive() -> None:
    """The worker is named, and by how much its times may be wrong."""
    judged = judge_trial(replace(quiet_trial(), clock_errors={1: 0.0004, 2: 0.02}))
    (found,) = [finding for finding in judged.findings if finding.code is FindingCode.CLOCK_UNCERTAIN]

    assert judged.verdict is Verdict.INCONCLUSIVE
    assert found.numbers == {"worker": 2, "error_ms": 20.0, "limit_ms": 10.0}


def test_proofs_that_are_all_exact_are_added_up() -> None:
    """Two workers met each fault; the report has one line for it."""
    joined = Calibration.joined([FINE, FINE])

    assert [(case.name, case.planned, case.is_exact) for case in joined.cases] == [("fin", 8, True), ("ok", 4, True)]
    assert joined.served == {"fin": (8, 8), "ok": (4, 4)}


def test_two_errors_do_not_make_up_for_each_other() -> None:
    """One worker reported a fault too few, the other one too many: the sum would be right."""
    few = replace(FINE, cases=(CalibrationCase("fin", "closed", 4, {"closed": 3}), FINE.cases[1]))
    many = replace(FINE, cases=(CalibrationCase("fin", "closed", 4, {"closed": 5}), FINE.cases[1]))
    joined = Calibration.joined([few, many])

    assert [case.name for case in joined.cases if not case.is_exact] == ["fin (worker 0)", "fin (worker 1)"]


def test_neither_do_two_counts_of_servers() -> None:
    """The faulty servers of two machines: one got a request too few, the other one too many."""
    joined = Calibration.joined([replace(FINE, served={"fin": (4, 3)}), replace(FINE, served={"fin": (4, 5)})])

    assert joined.served == {"fin (worker 0)": (4, 3), "fin (worker 1)": (4, 5)}


def test_a_fault_that_one_worker_never_met_is_not_proved() -> None:
    """It is in the other's proof alone, and so not exact."""
    joined = Calibration.joined([FINE, replace(FINE, cases=FINE.cases[1:])])

    assert [case.name for case in joined.cases if not case.is_exact] == ["fin (worker 1)"]


def test_a_worker_without_a_count_of_its_server_spoils_the_count() -> None:
    """What the server of one machine saw says nothing of the other's."""
    assert Calibration.joined([FINE, replace(FINE, served={})]).served == {}
