"""One Experiment behind two controllers, one run after the other: side by side they would slow each other down."""

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
    """What a migration gave.

    Attributes:
        directory: Its folder.
        migration: The comparison.
        bugs: Tracebacks of trials in which the harness itself failed.
    """

    directory: Path
    migration: Migration
    bugs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leg:
    """One side of a migration.

    Attributes:
        experiment: With its controller.
        options: Of its run; where it is kept is decided here.
    """

    experiment: Experiment
    options: RunOptions


def run_migration(source: Leg, target: Leg, out: Path | None, command: str, progress: RunProgress) -> MigrationResult:
    """Run both, and compare them.

    Where the first is stopped, the second does not begin; what there is then is compared all the same.

    Raises:
        Interrupted: Asked to end; with words where a run is there to be compared.
        InvalidInputError: A cluster can't run one of them; nothing was started.
        MissingToolError: The machine lacks something; nothing was started.
    """
    for leg in (source, target):
        check_run(leg.experiment, leg.options)
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
    except Interrupted:  # between two steps, or while the two were compared: what was measured is not thrown away
        raise Interrupted(f"not compared yet; to do so: harness migrate --analyze {shlex.quote(str(folder))}") from None
