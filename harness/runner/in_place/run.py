"""Runs a change in place, from the sealed plan to the report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.changes.undo import UndoJournal
from harness.clusters.base import Entry, Progress
from harness.clusters.context.entry import resolve
from harness.clusters.context.live import live_cluster
from harness.clusters.context.provider import private_kubeconfig
from harness.errors import HarnessError
from harness.kit.forkserver import ForkServers
from harness.kit.locks import held
from harness.runner.in_place.prepare import PreparedChange
from harness.runner.in_place.trial import InPlaceTrial
from harness.runner.options import RunOptions
from harness.runner.placement import TrialPlace
from harness.runner.progress import RunProgress
from harness.runner.run import RunResult, RunSchedule, run_trials, write_plan
from harness.runner.trial_order import TrialJob
from harness.store.rundir import RunDirectory


class LivePlacement:
    """Places every trial where the application runs.

    Args:
        prepared: The change.
        kubeconfig: A kubeconfig that has only the application's context.
    """

    def __init__(self, prepared: PreparedChange, kubeconfig: Path) -> None:
        self._prepared = prepared
        self._kubeconfig = kubeconfig

    @contextmanager
    def place(self, job: TrialJob, progress: Progress) -> Iterator[TrialPlace]:
        """Yield the application's namespace; nothing is created or removed."""
        del job
        prepared = self._prepared
        progress(f"using context {prepared.context.context}: {prepared.context.server}")
        entry = Entry(resolve(prepared.origin.host), prepared.origin.port)
        words = {
            "cluster": f"context {prepared.context.context} ({prepared.context.server})",
            "kubernetes": prepared.version,
            "in place": f"{prepared.plan.target} in namespace {prepared.plan.namespace}",
            "traffic to": f"{prepared.origin.url} ({entry.address})",
            **{f"managed also by ({n})": note for n, note in enumerate(prepared.plan.notes, 1)},
        }
        with live_cluster(prepared.context.context, self._kubeconfig, entry, words) as cluster:
            yield TrialPlace(cluster, prepared.plan.namespace)


def run_in_place(prepared: PreparedChange, options: RunOptions, progress: RunProgress) -> RunResult:
    """Run the control and the change, judge and report; every change that can be undone is undone.

    Raises:
        InvalidInputError: The run directory can't be used; nothing was started.
    """
    run = RunDirectory.create(options.out, prepared.experiment.name)
    with held(run.path) as mine:
        if not mine:
            raise HarnessError(f"Another process works in {run.path}.")
        write_plan(run, prepared.experiment, options, prepared.plan)
        if prepared.change.facts.undoable:
            progress.note(f"if this process is killed, undo its change with: harness undo {run.path}")
        cells = prepared.experiment.cells
        # The control comes first: if it loses requests, the change is withheld.
        jobs = tuple(TrialJob(cell.id, cell, 1, run.trial(cell.id, 1)) for cell in cells)
        schedule = RunSchedule(
            jobs,
            parallel=1,
            placement=_placement(prepared),
            facts={},
            servers=ForkServers(run.path / "processes"),
            trial=lambda job, setting: InPlaceTrial(job, setting, prepared.live),
        )
        return run_trials(run, prepared.experiment, options, progress, schedule)


@contextmanager
def _placement(prepared: PreparedChange) -> Iterator[LivePlacement]:
    with private_kubeconfig(prepared.context) as path:
        yield LivePlacement(prepared, path)


def left_changed(run: Path) -> tuple[str, ...]:
    """Describe the changes that a run made and could not undo."""
    journals = sorted(run.glob("trials/*/*/undo.jsonl"))
    return tuple(entry.description for path in journals for entry in UndoJournal(path).open_entries())
