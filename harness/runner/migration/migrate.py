"""Runs one Experiment with two controllers, one run after the other: in parallel they would slow each other down."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from harness.kit.interruption import Interrupted
from harness.model.experiment import Experiment
from harness.model.migration import Migration
from harness.runner.migration.concluding import conclude
from harness.runner.migration.plan import PLAN, MigrationPlan
from harness.runner.options import RunOptions
from harness.runner.progress import RunProgress
from harness.runner.run import check_run, run_experiment
from harness.store.records import to_json
from harness.store.rundir import RunDirectory, write_json


@dataclass(frozen=True, slots=True)
class MigrationResult:
    """The result of a migration.

    Attributes:
        directory: The migration's folder.
        migration: The comparison.
        bugs: Tracebacks of trials that failed because of a bug of the harness.
    """

    directory: Path
    migration: Migration
    bugs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MigrationSide:
    """One side of a migration.

    Attributes:
        experiment: The Experiment with this side's controller.
        options: Options of its run; ``out`` is ignored.
    """

    experiment: Experiment
    options: RunOptions


def run_migration(
    source: MigrationSide, target: MigrationSide, out: Path | None, command: str, progress: RunProgress
) -> MigrationResult:
    """Run both sides, and compare them.

    If the first run is stopped, the second does not begin, and the comparison uses what exists.

    Raises:
        Interrupted: The user interrupted; the text says how to compare the runs that exist.
        InvalidInputError: A cluster can't run one of them; nothing was started.
        MissingToolError: The machine lacks something; nothing was started.
    """
    for side in (source, target):
        check_run(side.experiment, side.options)
    plan = MigrationPlan(source.experiment.ingress, target.experiment.ingress, command)
    folder = RunDirectory.create(out, f"migrate-{source.experiment.name}").path
    write_json(folder / PLAN, to_json(plan))
    first = run_experiment(source.experiment, replace(source.options, out=folder / plan.directories[0]), progress)
    bugs = first.bugs
    try:
        if not first.interrupted:
            there = replace(target.options, out=folder / plan.directories[1])
            bugs += run_experiment(target.experiment, there, progress).bugs
        return MigrationResult(folder, conclude(folder), bugs)
    except Interrupted:  # between two steps or during the comparison: the measured runs are kept
        raise Interrupted(f"not compared yet; to do so: harness migrate --analyze {shlex.quote(str(folder))}") from None
