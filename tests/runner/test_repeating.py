"""Trials that the machine starved are repeated, as often as asked for, and their first evidence is kept; no others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.analysis.evidence import TrialEvidence
from harness.findings.completeness import NoTraffic
from harness.findings.coverage import NoOverlap
from harness.findings.finding_type import Subject
from harness.findings.registry import TYPES, WEIGHTS
from harness.findings.sending import BehindSchedule, MachineSaturated, MissedSlots
from harness.findings.shapes import NeverReused
from harness.judging import starved
from harness.judging.starved import is_starved, starved_cells
from harness.judging.trial import judge_trial
from harness.model.attempt import Outcome
from harness.model.changes import NoChange
from harness.model.experiment import Cell, Configuration
from harness.model.timeline import EventKind
from harness.model.verdict import TrialVerdict, Verdict, Weight
from harness.runner import repeating
from harness.runner.repeating import Repeater, may_be_starved
from harness.runner.trial_order import TrialJob
from harness.store.ledger_format import ATTEMPT
from harness.store.rundir import RunDirectory
from harness.testing.evidence import STOP, quiet_trial, with_losses, with_rows, without_events
from harness.testing.reports import sample_run

MISSED = with_rows(quiet_trial(), 1.2, 1.4, outcome=Outcome.MISSED)


def test_a_trial_with_missed_slots_and_no_loss_is_starved() -> None:
    """The same trial with everything sent is lossless, and not starved."""
    assert judge_trial(quiet_trial()).verdict is Verdict.LOSSLESS
    assert not is_starved(judge_trial(quiet_trial()))
    judged = judge_trial(MISSED)
    assert {finding.code for finding in judged.findings} >= {MissedSlots.code}
    assert is_starved(judged)


@pytest.mark.parametrize(
    "evidence",
    [
        pytest.param(with_losses(MISSED, 1.5, 1.6), id="a loss, too"),
        pytest.param(with_losses(quiet_trial(), 1.5, 1.6), id="a loss alone"),
        pytest.param(without_events(MISSED, EventKind.CHANGE, "observed"), id="the change was not seen"),
        pytest.param(replace(MISSED, failure="the cluster ended"), id="it failed"),
        pytest.param(replace(MISSED, calibration=None), id="the detector was not proved"),
        pytest.param(without_events(quiet_trial(), EventKind.CHANGE, "observed"), id="inconclusive, but not of load"),
    ],
)
def test_nothing_else_is_starved(evidence: Any) -> None:
    """A lossy verdict stays, and so does one that is inconclusive for any other reason."""
    judged = judge_trial(evidence)

    assert judged.verdict is not Verdict.LOSSLESS
    assert not is_starved(judged)


def test_a_cell_whose_control_was_starved_is_not_measured_either() -> None:
    """It says so itself only by the missing control; cells of other configurations are not concerned."""
    run = sample_run()
    control = next(cell for cell in run.cells if cell.change_kind == "none")
    poor = replace(control.trials[0], verdict=Verdict.INCONCLUSIVE, findings=judge_trial(MISSED).findings)
    poor = replace(poor, identity=replace(poor.identity, lost={}))
    cells = tuple(
        replace(cell, verdict=Verdict.INCONCLUSIVE, trials=(poor,) if cell is control else cell.trials)
        if cell.configuration == control.configuration
        else replace(cell, verdict=Verdict.LOSSLESS)
        for cell in run.cells
    )

    assert {cell.configuration for cell in starved_cells(cells)} == {control.configuration}
    assert len(starved_cells(cells)) == sum(cell.configuration == control.configuration for cell in cells)


class Run:
    """A run directory with trials whose ledgers and verdicts the test decides."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
        self.directory = RunDirectory(path)
        self.messages: list[str] = []
        self.ran: list[list[str]] = []
        self.goes: dict[str, list[TrialVerdict]] = {}
        self.jobs = tuple(self._job(name) for name in names)
        monkeypatch.setattr(repeating, "read_trial", lambda _run, _experiment, cell, _number: cell.configuration.name)
        monkeypatch.setattr(repeating, "judge_trial", lambda name: self.goes[name][0])

    def _job(self, name: str) -> TrialJob:
        cell = Cell(Configuration((("lifecycle", name),), ()), NoChange(name="none"))
        return TrialJob(cell.id, cell, 1, self.directory.trial(cell.id, 1))

    def first(self, **verdicts: list[TrialVerdict]) -> None:
        """Let each trial take place, with the verdicts that it and its repetitions have."""
        self.goes = verdicts
        for job in self.jobs:
            self._take_place(job)

    def run_all(self, jobs: Sequence[TrialJob]) -> tuple[str, ...]:
        """Run trials once more; the folder must be there and empty."""
        self.ran.append([job.cell.configuration.name for job in jobs])
        for job in jobs:
            assert [path for path in job.directory.path.rglob("*") if path.is_file()] == []
            self.goes[job.cell.configuration.name].pop(0)
            self._take_place(job)
        return ("a bug",) if len(self.ran) == 9 else ()

    def repeat(self, times: int) -> Repeater:
        """Repeat what is starved."""
        repeater = Repeater(self.directory, None, times, self.messages.append)  # type: ignore[arg-type]
        assert repeater.repeat(self.jobs, self.run_all) == ()
        return repeater

    def _take_place(self, job: TrialJob) -> None:
        self.directory.trial(job.cell.id, job.number)
        rows = np.zeros(3, ATTEMPT)
        rows["written"] = 1
        rows["outcome"] = Outcome.OK
        is_clean = self.goes[job.cell.configuration.name][0].verdict is Verdict.LOSSLESS
        rows["outcome"][1] = Outcome.OK if is_clean else Outcome.MISSED
        np.save(job.directory.traffic / "ledger-0.npy", rows)


STARVED, CLEAN, LOSSY = judge_trial(MISSED), judge_trial(quiet_trial()), judge_trial(with_losses(MISSED, 1.5, 1.6))


def test_only_starved_trials_run_once_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of four; its first evidence is set aside, and what was done is said."""
    run = Run(tmp_path, monkeypatch, "starved", "clean", "lossy")
    run.first(starved=[STARVED, CLEAN], clean=[CLEAN], lossy=[LOSSY])
    repeated = run.repeat(2).repeated

    assert run.ran == [["starved"]]
    assert (tmp_path / "repeated/starved--none/1-1/traffic/ledger-0.npy").is_file()
    assert (tmp_path / "trials/starved--none/1/traffic/ledger-0.npy").is_file()
    assert [str(each) for each in repeated] == [
        "starved--none #1 (missed-slots); its first evidence is in repeated/starved--none/1-1"
    ]
    assert run.messages == ["the machine is busy: 1 trial had no processor time; repeating starved--none"]


@pytest.mark.parametrize("times", [0, 1, 2])
def test_it_is_repeated_as_often_as_asked_for(times: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And stays inconclusive if it is starved each time."""
    run = Run(tmp_path, monkeypatch, "starved")
    run.first(starved=[STARVED] * 5)
    repeater = run.repeat(times)

    assert run.ran == [["starved"]] * times
    assert [each.directory for each in repeater.repeated] == [f"repeated/starved--none/1-{n + 1}" for n in range(times)]


def test_a_repetition_that_loses_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not repeated until it fits: the loss is the answer."""
    run = Run(tmp_path, monkeypatch, "starved")
    run.first(starved=[STARVED, LOSSY, CLEAN])
    run.repeat(3)

    assert run.ran == [["starved"]]


def test_what_was_repeated_is_known_when_the_user_stops_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The evidence was set aside by then, and the record must say so."""
    run = Run(tmp_path, monkeypatch, "starved")
    run.first(starved=[STARVED])
    repeater = Repeater(run.directory, None, 1, run.messages.append)  # type: ignore[arg-type]

    def stopped(_jobs: Sequence[TrialJob]) -> tuple[str, ...]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        repeater.repeat(run.jobs, stopped)
    assert len(repeater.repeated) == 1


@pytest.mark.parametrize(
    ("fields", "suspicious"),
    [({}, False), ({"outcome": Outcome.MISSED}, True), ({"sent": 150_000_000}, True), ({"sent": 90_000_000}, False)],
)
def test_the_ledger_alone_clears_most_trials(fields: dict[str, int], *, suspicious: bool, tmp_path: Path) -> None:
    """Nothing missed and nothing late is nothing to look at more closely."""
    trial = RunDirectory(tmp_path).trial("bare--none", 1)
    rows = np.zeros(2, ATTEMPT)
    rows["written"] = 1
    rows["outcome"] = Outcome.OK
    for name, value in fields.items():
        rows[name][1] = value
    np.save(trial.traffic / "ledger-0.npy", rows)

    assert may_be_starved(trial) is suspicious


def test_a_trial_without_a_ledger_is_not_starved(tmp_path: Path) -> None:
    """It failed, which no repetition of ours hides."""
    trial = RunDirectory(tmp_path).trial("bare--none", 1)
    assert not may_be_starved(trial)
    (trial.traffic / "ledger-0.npy").write_bytes(b"no ledger")
    assert not may_be_starved(trial)


#: Findings of evidence that a starved sender does not cause: they name another fault, which no repetition must hide.
NOT_OF_LOAD = {
    "abandoned-slots",
    "answers-open-ended",
    "change-not-observed",
    "change-withheld",
    "clock-uncertain",
    "field-assumed",
    "node-unwell",
    "release-incomplete",
    "share-not-as-asked",
    "unfinished",
    "version-untold",
    "watch-interrupted",
}


def test_every_finding_of_a_trial_is_of_load_or_follows_or_is_neither() -> None:
    """A finding of two kinds would let another fault be repeated away, and one of no kind was forgotten."""
    trials = {
        code
        for code, each in TYPES.items()
        if WEIGHTS[code] is Weight.EVIDENCE and (Subject.TRIAL in each.subjects or not each.subjects)
    }

    assert {MissedSlots.code, BehindSchedule.code, MachineSaturated.code} == starved.STARVED
    assert not starved.STARVED & starved.FOLLOWS
    assert not NOT_OF_LOAD & (starved.STARVED | starved.FOLLOWS)
    assert trials == starved.STARVED | starved.FOLLOWS | NOT_OF_LOAD


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda e: with_rows(e, 0.0, STOP, carried=0), NeverReused.code),
        (lambda e: with_losses(e, 0, STOP, Outcome.MISSED), NoTraffic.code),
        (lambda e: with_losses(e, 1.0, STOP, Outcome.MISSED), NoOverlap.code),
    ],
)
def test_what_follows_from_missed_requests_is_no_other_reason(
    spoil: Callable[[TrialEvidence], TrialEvidence], code: str
) -> None:
    """A stream that was not sent also shows nothing of its connections. The trial is repeated, and says why."""
    judged = judge_trial(spoil(MISSED))

    assert code in {finding.code for finding in judged.findings}
    assert is_starved(judged)


def test_a_consequence_without_missed_requests_has_another_reason() -> None:
    """A server that closes every connection is found although it is repeated as often as asked for."""
    judged = judge_trial(with_rows(quiet_trial(), 0.0, STOP, carried=0))

    assert NeverReused.code in {finding.code for finding in judged.findings}
    assert not is_starved(judged)
