"""Compares two sides: reads or runs their first look, repeats what looks different, and writes the comparison."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import InvalidInputError, Problem
from harness.judging.compared_runs import compare_runs, parted, suspects
from harness.model.comparison import AFTER, BEFORE, RunComparison
from harness.model.experiment import Experiment
from harness.model.verdict import RunVerdict
from harness.report.comparison import document
from harness.report.written_files import ComparisonFile, fields_of
from harness.runner import reports
from harness.runner.comparison.joining import check_alike, joined
from harness.runner.judging import read_plan, read_verdict
from harness.runner.options import RunOptions
from harness.runner.plan import RunPlan
from harness.runner.progress import RunProgress
from harness.runner.rerun import files_of
from harness.runner.run import check_run, run_experiment
from harness.store.records import to_json
from harness.store.rundir import RunDirectory, write_json

COMPARISON = "comparison.json"
FIRST, REPETITIONS = "first-look", "repetitions"


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """The result of ``harness compare``.

    Attributes:
        directory: The folder of the comparison.
        comparison: The comparison.
        bugs: Tracebacks of trials that failed because of a bug of the harness.
    """

    directory: Path
    comparison: RunComparison
    bugs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredSide:
    """One side of a comparison of run directories.

    Attributes:
        run: The run directory.
        plan: Its plan.
        verdict: Its verdict.
    """

    run: RunDirectory
    plan: RunPlan
    verdict: RunVerdict


def stored_side(directory: Path) -> StoredSide:
    """Read one side from a run directory.

    Raises:
        EvidenceError: It is no run directory, was never judged, or is not as it was sealed.
    """
    run = RunDirectory.open(directory)
    run.verify("verdict")
    plan = read_plan(run)
    plan = replace(plan, experiment=replace(plan.experiment, files=files_of(run)))
    return StoredSide(run, plan, read_verdict(run))


def compare_stored(
    before: StoredSide, after: StoredSide, repetitions: int, options: RunOptions, progress: RunProgress
) -> ComparisonResult:
    """Compare two run directories; repeat the cells that look different.

    Args:
        before: The first side.
        after: The second side.
        repetitions: Trials per side of each repeated cell; 0 repeats nothing.
        options: Options of the repetitions; ``out`` is the folder of the comparison.
        progress: Receives the progress of the repetitions.

    Raises:
        InvalidInputError: The two can't be compared, or can't be repeated.
        MissingToolError: The machine lacks something.
    """
    check_alike(before.plan.experiment, after.plan.experiment)
    chosen = suspects(before.verdict, after.verdict) if repetitions else ()
    if chosen:
        check_repeatable(before, after)
    folder = RunDirectory.create(options.out, f"compare-{after.plan.experiment.name}").path
    links = {BEFORE: _link(before.run.path, folder), AFTER: _link(after.run.path, folder)}
    sides = (before.plan.experiment, after.plan.experiment)
    again, bugs = _repeat(sides, chosen, repetitions, replace(options, out=folder / REPETITIONS), progress)
    compared = compare_runs(before.verdict, after.verdict, again, repetitions)
    compared = replace(compared, before=str(before.run.path), after=str(after.run.path))
    return _written(folder, _placed(compared, links, again, options), bugs)


def compare_workloads(
    sides: tuple[Experiment, Experiment],
    names: tuple[str, str],
    repetitions: int,
    options: RunOptions,
    progress: RunProgress,
) -> ComparisonResult:
    """Run two Experiments, their cells in turn, and compare them; repeat the cells that look different.

    Args:
        sides: Both sides.
        names: Names of the sides, for people.
        repetitions: Trials per side of each cell at the first look, and again of each repeated cell.
        options: Options of both runs; ``out`` is the folder of the comparison.
        progress: Receives the progress.

    Raises:
        InvalidInputError: The two can't be compared, or the cluster can't run them.
        MissingToolError: The machine lacks something.
    """
    both = joined(*sides, trials=repetitions)
    check_run(both, options)
    folder = RunDirectory.create(options.out, f"compare-{both.name}").path
    first = run_experiment(both, replace(options, out=folder / FIRST, in_rounds=True), progress)
    old, new = parted(first.verdict)
    chosen = () if first.interrupted else suspects(old, new)
    again, bugs = _repeat(sides, chosen, repetitions, replace(options, out=folder / REPETITIONS), progress)
    compared = replace(compare_runs(old, new, again, repetitions), before=names[0], after=names[1])
    link = f"{FIRST}/index.html"
    placed = _placed(compared, {BEFORE: link, AFTER: link}, again, options)
    return _written(folder, placed, (*first.bugs, *bugs))


def check_repeatable(before: StoredSide, after: StoredSide) -> None:
    """Check that both sides can be run again together.

    Raises:
        InvalidInputError: One was a change in place, or their clusters differ.
    """
    hint = "--repeat 0 compares what was measured"
    if before.plan.in_place or after.plan.in_place:
        raise InvalidInputError([Problem("a change in place can't be repeated here", hint=hint)])
    if before.plan.cluster != after.plan.cluster:
        words = f"{before.plan.cluster} and {after.plan.cluster}"
        raise InvalidInputError([Problem(f"the runs are of different kinds of clusters, {words}", hint=hint)])


def _repeat(
    sides: tuple[Experiment, Experiment],
    chosen: tuple[str, ...],
    repetitions: int,
    options: RunOptions,
    progress: RunProgress,
) -> tuple[tuple[RunVerdict, RunVerdict] | None, tuple[str, ...]]:
    """Run the chosen cells of both sides again, in turn. Return both sides' verdicts, and tracebacks of bugs."""
    if not chosen:
        return None, ()
    progress.note(f"repeating what looks different, {repetitions} times on each side: {', '.join(chosen)}")
    both = joined(*sides, trials=repetitions, only=chosen)
    done = run_experiment(both, replace(options, in_rounds=True), progress)
    return parted(done.verdict), done.bugs


def _placed(
    compared: RunComparison,
    links: Mapping[str, str],
    again: tuple[RunVerdict, RunVerdict] | None,
    options: RunOptions,
) -> RunComparison:
    """Return a comparison with its command and the places of its runs."""
    repeated = {REPETITIONS: f"{REPETITIONS}/index.html"} if again else {}
    seconds = again[0].seconds if again else 0.0
    return replace(compared, directories={**links, **repeated}, command=options.command, seconds=seconds)


def _written(folder: Path, compared: RunComparison, bugs: tuple[str, ...]) -> ComparisonResult:
    """Write ``comparison.json`` and the reports. Return the result."""
    write_json(folder / COMPARISON, to_json(ComparisonFile(**fields_of(compared))))
    reports.write_reports(folder, document(compared))
    return ComparisonResult(folder, compared, bugs)


def _link(run: Path, folder: Path) -> str:
    return f"{Path(os.path.relpath(run.resolve(), folder.resolve())).as_posix()}/index.html"
