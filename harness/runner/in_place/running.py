"""A change in place from its sealed plan to its report."""

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
from harness.kit.locks import held
from harness.runner.in_place.preparing import Prepared
from harness.runner.in_place.trial import InPlaceTrial
from harness.runner.options import RunOptions
from harness.runner.placement import Place
from harness.runner.progress import RunProgress
from harness.runner.run import Course, RunResult, carry_out, write_plan
from harness.runner.trial_order import TrialJob
from harness.store.rundir import RunDirectory


class ThisPlace:
    """Every trial's place is where the application runs.

    Args:
        prepared: What is changed.
        kubeconfig: With its context alone.
    """

    def __init__(self, prepared: Prepared, kubeconfig: Path) -> None:
        self._prepared = prepared
        self._kubeconfig = kubeconfig

    @contextmanager
    def place(self, job: TrialJob, progress: Progress) -> Iterator[Place]:
        """Nothing is made here, and nothing is removed."""
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
            yield Place(cluster, prepared.plan.namespace)


def run_in_place(prepared: Prepared, options: RunOptions, progress: RunProgress) -> RunResult:
    """Run the control and the change, judge and report; whatever was changed and has an undo is put back.

    Raises:
        InvalidInputError: The run directory can't be used; nothing was started.
    """
    run = RunDirectory.create(options.out, prepared.experiment.name)
    with held(run.path) as mine:
        if not mine:
            raise HarnessError(f"Another process works in {run.path}.")
        write_plan(run, prepared.experiment, options, prepared.plan)
        if prepared.change.facts.undoable:
            progress.note(f"should this be killed, what it has changed is put back by: harness undo {run.path}")
        cells = prepared.experiment.cells
        # In the order of the cells: what is lost without any change keeps the change from being made.
        jobs = tuple(TrialJob(cell.id, cell, 1, run.trial(cell.id, 1)) for cell in cells)
        course = Course(
            jobs,
            lanes=1,
            where=_place(prepared),
            facts={},
            trial=lambda job, setting: InPlaceTrial(job, setting, prepared.live),
        )
        return carry_out(run, prepared.experiment, options, progress, course)


@contextmanager
def _place(prepared: Prepared) -> Iterator[ThisPlace]:
    with private_kubeconfig(prepared.context) as path:
        yield ThisPlace(prepared, path)


def left_changed(run: Path) -> tuple[str, ...]:
    """What a run has changed and could not put back, for people."""
    journals = sorted(run.glob("trials/*/*/undo.jsonl"))
    return tuple(entry.description for path in journals for entry in UndoJournal(path).open_entries())
