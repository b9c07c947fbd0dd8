"""Repeat trials that prove nothing because the machine was busy, once all others are done.

The first evidence of such a trial is set aside in the run directory and sealed with the rest; the verdict rests on the
evidence of the repetition. A trial that lost a request, or that is inconclusive for any other reason, stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from harness.analysis.thresholds import LATENESS_P99_MS
from harness.errors import EvidenceError
from harness.judging.starved import is_starved, reasons
from harness.judging.trial import judge_trial
from harness.kit.files import clear_disk_errors
from harness.model.attempt import Outcome
from harness.model.experiment import Experiment
from harness.runner.evidence import read_trial
from harness.runner.trial_order import TrialJob
from harness.store.ledger import read_ledger
from harness.store.rundir import RunDirectory, TrialDirectory
from harness.wording import plural

#: The folder of evidence that was set aside, in the run directory.
SET_ASIDE = "repeated"


@dataclass(frozen=True, slots=True)
class RepeatedTrial:
    """A trial that was repeated.

    Attributes:
        cell: The cell's id.
        number: The trial's number.
        reasons: Codes of the findings for which it was repeated.
        directory: Folder of its earlier evidence, relative to the run directory.
    """

    cell: str
    number: int
    reasons: tuple[str, ...]
    directory: str

    def __str__(self) -> str:
        """Return the sentence for the report."""
        return f"{self.cell} #{self.number} ({', '.join(self.reasons)}); its first evidence is in {self.directory}"


class Repeater:
    """Repeats starved trials of a run.

    Args:
        run: The run directory.
        experiment: The Experiment.
        times: The most repetitions of a trial.
        note: Receives a sentence about each round of repetitions.

    Attributes:
        repeated: The repetitions so far.
    """

    def __init__(self, run: RunDirectory, experiment: Experiment, times: int, note: Callable[[str], None]) -> None:
        self._run = run
        self._experiment = experiment
        self._times = times
        self._note = note
        self.repeated: list[RepeatedTrial] = []

    def repeat(
        self, jobs: Sequence[TrialJob], run_all: Callable[[Sequence[TrialJob]], tuple[str, ...]]
    ) -> tuple[str, ...]:
        """Repeat starved trials, and those whose repetition is starved too, up to ``times`` times.

        Args:
            jobs: The trials that have taken place.
            run_all: Runs trials; returns tracebacks of bugs of the harness.

        Returns:
            The tracebacks.

        Raises:
            Interrupted: The user asked for an end.
            HarnessError: Evidence could not be set aside.
        """
        bugs: tuple[str, ...] = ()
        for attempt in range(1, self._times + 1):
            starved = [(job, why) for job in jobs if (why := self._starved(job))]
            if not starved:
                break
            names = ", ".join(job.name for job, _ in starved)
            self._note(f"the machine is busy: {plural(len(starved), 'trial')} had no processor time; repeating {names}")
            self.repeated += [self._set_aside(job, why, attempt) for job, why in starved]
            jobs = [job for job, _ in starved]
            bugs += run_all(jobs)
        return bugs

    def _starved(self, job: TrialJob) -> tuple[str, ...]:
        """Return the codes of the findings for which a trial is repeated; empty if it is not."""
        if not may_be_starved(job.directory):
            return ()
        trial = judge_trial(read_trial(self._run, self._experiment, job.cell, job.number))
        return reasons(trial) if is_starved(trial) else ()

    def _set_aside(self, job: TrialJob, why: tuple[str, ...], attempt: int) -> RepeatedTrial:
        """Move a trial's evidence out of the way of its repetition."""
        aside = self._run.path / SET_ASIDE / job.cell.id / f"{job.number}-{attempt}"
        with clear_disk_errors(aside):
            aside.parent.mkdir(parents=True, exist_ok=True)
            job.directory.path.rename(aside)
            self._run.trial(job.cell.id, job.number)
        return RepeatedTrial(job.cell.id, job.number, why, aside.relative_to(self._run.path).as_posix())


def may_be_starved(trial: TrialDirectory) -> bool:
    """Return True if a ledger has late or missed requests. Reading ledgers is fast, and most trials are not judged."""
    for path in sorted(trial.traffic.glob("ledger-*.npy")):
        try:
            rows = read_ledger(path)
        except EvidenceError:
            continue  # a trial without its evidence is inconclusive for another reason
        late = rows["sent"].astype(np.int64) - rows["planned"].astype(np.int64)
        if (rows["outcome"] == Outcome.MISSED).any() or (late > LATENESS_P99_MS.value * 1e6).any():
            return True
    return False
