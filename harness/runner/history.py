"""Adds a run to a history, and writes the index of all runs next to it."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from harness.judging.compared_runs import steady, transitions
from harness.judging.trends import history_of
from harness.kit.files import write_text
from harness.model.comparison import TransitionCounts
from harness.model.history import VERSION, History, HistoryEntry
from harness.model.verdict import CellVerdict, Verdict
from harness.report import html, markdown
from harness.report.history import document
from harness.runner.confirmation.confirm import confirmed
from harness.runner.deploy import images_of
from harness.runner.judging import read_plan, read_verdict
from harness.runner.plan import RunPlan
from harness.store.history import append_history, read_history
from harness.store.rundir import RunDirectory

#: Name of the index of all runs.
INDEX = "index.html"
#: Name of the summary for the step summary of a CI job.
SUMMARY = "summary.md"
#: Variables in which CI services name the commit.
_COMMITS = ("GITHUB_SHA", "CI_COMMIT_SHA")
#: Length of a run's id.
_ID = 16


def add_run(directory: Path, folder: Path, commit: str, name: str = "") -> int:
    """Add a run to a history, and write the index again.

    Args:
        directory: The run directory. If its cells were confirmed, their repetitions count, too.
        folder: The history's folder.
        commit: Commit under test; empty to ask the CI service or Git.
        name: Name of what is run, in place of the Experiment's: runs of one name are compared with each other.

    Returns:
        The number of entries added: 0 if the history has the run already.

    Raises:
        EvidenceError: It is no run directory, was never judged, is not as it was sealed; or the history is damaged.
        HarnessError: The history can't be written.
    """
    run = RunDirectory.open(directory)
    run.verify("verdict")
    plan, verdict = read_plan(run), read_verdict(run)
    again = confirmed(directory)
    known = {
        "run": hashlib.sha256((run.path / "seals" / "evidence.json").read_bytes()).hexdigest()[:_ID],
        "started": verdict.started,
        "directory": os.path.relpath(directory.resolve(), folder.resolve()),
        "commit": commit or current_commit(),
        "experiment": name or verdict.name,
    }
    versions = {**steady(verdict.environment), **_images(plan)}
    own = transitions(verdict)
    entries = [
        _entry(cell, _against(cell, own[cell.id]), again.get(cell.id, TransitionCounts()), known, versions)
        for cell in verdict.cells
    ]
    added = append_history(folder, entries)
    write_index(folder)
    return added


def load_history(folder: Path) -> History:
    """Return the history of a folder, with the trend of each cell.

    Raises:
        EvidenceError: A line is damaged, or has a newer format.
    """
    return history_of(read_history(folder))


def write_index(folder: Path) -> None:
    """Write the index of all runs of a history, with a sparkline for each cell, as a page and as a summary for CI.

    Raises:
        EvidenceError: The history is damaged.
        HarnessError: The file can't be written.
    """
    made = document(load_history(folder), folder.resolve().name)
    write_text(folder / INDEX, html.render(made))
    write_text(folder / SUMMARY, markdown.render(made))


def current_commit() -> str:
    """Return the commit that the CI service names, or else Git in the current folder; empty if neither does."""
    for name in _COMMITS:
        if found := os.environ.get(name):
            return found
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _entry(
    cell: CellVerdict,
    own: tuple[int, int],
    again: TransitionCounts,
    known: Mapping[str, str],
    versions: Mapping[str, str],
) -> HistoryEntry:
    """Return the entry of a cell; ``own`` are the bad and the good transitions of the run itself."""
    bad, good = own
    unknown = max(1, len(cell.trials)) - bad - good
    return HistoryEntry(
        version=VERSION,
        cell=cell.id,
        configuration=cell.configuration,
        change=cell.change,
        verdict=cell.verdict,
        expected=cell.expected,
        # Repetitions of an expected loss count as the losses that they are.
        bad=bad + again.lossy,
        good=good + again.lossless,
        unknown=unknown + again.inconclusive,
        sent=cell.sent,
        lost=cell.lost,
        cut=cell.cut,
        p99_ms=max((trial.latency.p99_planned for trial in cell.trials), default=0.0),
        versions=versions,
        **known,
    )


def _against(cell: CellVerdict, own: TransitionCounts) -> tuple[int, int]:
    """Return the numbers of a cell's transitions that are against its expectation, and that are as expected.

    A loss for which the run failed is bad even if its control has no answer: a run that failed stays a failed one.
    """
    if cell.as_expected or cell.verdict is Verdict.INCONCLUSIVE:
        return 0, own.count
    if cell.verdict is Verdict.LOSSLESS:
        return own.lossless, own.lossy
    return sum(trial.verdict is Verdict.LOSSY for trial in cell.trials), own.lossless


def _images(plan: RunPlan) -> dict[str, str]:
    """Return the images of the workload, as one property."""
    manifests = [m for cell in plan.experiment.cells for m in cell.configuration.manifests]
    return {"images": ", ".join(sorted(set(images_of(manifests))))}
