"""Finds requests in a run directory, and reads everything that its evidence has about each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

import numpy as np

from harness.analysis.evidence import TrialEvidence
from harness.analysis.facts import Facts
from harness.causes.attribution import attributed
from harness.causes.request_trace import RequestTrace, trace_of
from harness.errors import EvidenceError
from harness.runner.evidence import WHOLE, read_outcome, read_trials
from harness.runner.judging import read_plan
from harness.runner.lost_paths import read_paths
from harness.runner.recorded_accounts import read_access
from harness.store.rundir import RunDirectory, TrialDirectory

#: The id of a request: token, worker and number; the token may be missing.
_ID = re.compile(r"(?:(?P<token>.+)-)?(?P<worker>\d+)-(?P<number>\d+)")


def request_traces(run: RunDirectory, *, cells: str = "*", attempt: str = "") -> tuple[RequestTrace, ...]:
    """Return the trace of one request, or that of the first lost request of each cause of each trial.

    Args:
        run: The run directory.
        cells: Glob for the ids of cells.
        attempt: Id of the request, with or without the token before the worker; empty for the first of each cause.

    Raises:
        EvidenceError: No cell or no request matches.
    """
    plan = read_plan(run)
    chosen = tuple(cell for cell in plan.experiment.cells if fnmatchcase(cell.id, cells))
    if not chosen:
        there = ", ".join(cell.id for cell in plan.experiment.cells)
        raise EvidenceError(f"{run.path} has no cell {cells!r}.", hint=f"It has {there}.")
    trials = read_trials(run, replace(plan.experiment, cells=chosen), least=WHOLE)
    found = tuple(
        trace for cell, each in trials.items() for trial in each for trace in _of_trial(run, cell, trial, attempt)
    )
    if attempt and not found:
        raise EvidenceError(
            f"{run.path} has no request {attempt!r}.",
            hint="`harness export DIR` lists every request with its id; --cell chooses the cell.",
        )
    return found


def _of_trial(run: RunDirectory, cell: str, trial: TrialEvidence, attempt: str) -> Iterator[RequestTrace]:
    rows = _rows(trial, attempt) if attempt else []
    if attempt and not rows:
        return
    facts, folder = Facts.of(trial), run.trial(cell, trial.number)
    if attempt:
        facts = _with_way(folder, facts, rows)
    else:
        first: dict[str, int] = {}
        for loss, kind in attributed(facts):
            first.setdefault(kind.code, loss.row)
        rows = list(first.values())
    for row in rows:
        yield trace_of(facts, cell, row)


def _rows(trial: TrialEvidence, attempt: str) -> list[int]:
    """Return the rows of the requests with an id: one, or none."""
    parts = _ID.fullmatch(attempt)
    if parts is None or (parts["token"] and trial.tokens.get(int(parts["worker"])) != parts["token"]):
        return []
    rows = trial.attempts
    return np.flatnonzero((rows["worker"] == int(parts["worker"])) & (rows["number"] == int(parts["number"]))).tolist()


def _with_way(folder: TrialDirectory, facts: Facts, rows: Sequence[int]) -> Facts:
    """Return the facts with the records of the paths that some requests took, lost or not."""
    trial = facts.evidence
    log = read_access(folder, next(iter(trial.tokens.values()), ""))
    own = read_paths(folder, trial, trial.attempts[rows], log, read_outcome(folder, []).clock)
    paths = replace(own, entry=trial.paths.entry, controller=trial.paths.controller)
    return replace(facts, evidence=replace(trial, paths=paths))
