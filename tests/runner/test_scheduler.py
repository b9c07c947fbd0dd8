"""Tests of parallel trials: a failing trial does not affect others, and an interruption reaches all."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from harness.kit import interruption
from harness.kit.interruption import Interrupted
from harness.kit.waiting import pause
from harness.model.changes import NoChange
from harness.model.experiment import Cell, Configuration
from harness.runner.progress import SilentProgress
from harness.runner.scheduler import run_jobs
from harness.runner.trial_order import TrialJob
from harness.store.rundir import TrialDirectory


class RecordedEnds(SilentProgress):
    """Remembers how trials ended."""

    def __init__(self) -> None:
        self.ends: dict[str, str] = {}

    def ended(self, trial: str, failure: str) -> None:
        """Remember it."""
        self.ends[trial] = failure


def job(name: str) -> TrialJob:
    """Return a job of this name; only the name is used."""
    return TrialJob(name, Cell(Configuration((), ()), NoChange(name="none")), 1, TrialDirectory(Path(name)))


def test_every_job_runs_and_reports_its_end() -> None:
    """With more jobs than threads, each runs once and its failure is reported."""
    progress = RecordedEnds()
    bugs = run_jobs([job(n) for n in "abc"], 2, lambda one: "no room" if one.name == "b" else "", progress)

    assert bugs == ()
    assert progress.ends == {"a": "", "b": "no room", "c": ""}


def test_a_bug_in_one_trial_is_kept_and_the_others_continue() -> None:
    """The traceback is returned, and the other trials run."""

    def run(one: TrialJob) -> str:
        if one.name == "a":
            raise ZeroDivisionError("of all things")
        return ""

    progress = RecordedEnds()
    bugs = run_jobs([job("a"), job("b")], 1, run, progress)

    assert len(bugs) == 1
    assert "of all things" in bugs[0]
    assert progress.ends == {"a": "ZeroDivisionError: of all things", "b": ""}


def test_an_interruption_ends_running_trials_and_starts_none() -> None:
    """The running trial cleans up, the waiting one never starts, and the caller gets the interruption."""
    begun, cleaned = [], []
    running = threading.Event()

    def run(one: TrialJob) -> str:
        begun.append(one.name)
        running.set()
        try:
            pause(60)
        finally:
            cleaned.append(one.name)
        return ""

    def stop() -> None:
        running.wait(60)
        interruption.interrupt()

    progress = RecordedEnds()
    with interruption.fresh():
        stopper = threading.Thread(target=stop)
        stopper.start()
        with pytest.raises(Interrupted):
            run_jobs([job("a"), job("b")], 1, run, progress)
        stopper.join()

    assert (begun, cleaned) == (["a"], ["a"])
    assert progress.ends["a"] == "interrupted"
