"""Repeats the cells of a run that lost requests against the expectation, and writes what the repetitions show."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import EvidenceError, InvalidInputError, Problem
from harness.judging.confirming import confirm_cells
from harness.model.comparison import TransitionCounts
from harness.model.confirmation import Confirmation
from harness.model.experiment import Experiment
from harness.model.verdict import RunVerdict, Verdict
from harness.report.confirmation import document
from harness.report.written_files import VERSION, ConfirmationFile, fields_of
from harness.runner import reports
from harness.runner.confirmation.bundle import BUNDLE, write_bundle
from harness.runner.options import RunOptions
from harness.runner.progress import RunProgress
from harness.runner.rerun import files_of
from harness.runner.run import RunResult, run_experiment
from harness.store.records import from_json, to_json
from harness.store.rundir import RunDirectory, write_json
from harness.store.versions import check_version

CONFIRMATION = "confirmation.json"
REPETITIONS = "repetitions"
#: Ending of the folder of a run's confirmation, next to the run directory.
SUFFIX = "-confirmation"


@dataclass(frozen=True, slots=True)
class ConfirmationResult:
    """The result of a confirmation.

    Attributes:
        directory: Its folder.
        confirmation: What the repetitions show.
        bugs: Tracebacks of trials that failed because of a bug of the harness.
    """

    directory: Path
    confirmation: Confirmation
    bugs: tuple[str, ...]


def to_confirm(verdict: RunVerdict) -> tuple[str, ...]:
    """Return the ids of the cells that lost requests against the expectation."""
    return tuple(cell.id for cell in verdict.cells if cell.verdict is Verdict.LOSSY and not cell.as_expected)


def confirm(
    result: RunResult, experiment: Experiment, options: RunOptions, repetitions: int, progress: RunProgress
) -> ConfirmationResult | None:
    """Repeat the cells of a run that lost requests against the expectation, with their controls.

    Returns:
        What the repetitions show; None if there is no such cell.

    Raises:
        HarnessError: Something can't be written.
    """
    ids = to_confirm(result.verdict)
    if not ids or result.interrupted:
        return None
    folder = RunDirectory.create(folder_of(result.directory), "").path
    kept = files_of(RunDirectory(result.directory))
    again = replace(_part(experiment, ids, repetitions), files=kept)
    write_bundle(folder / BUNDLE, again, options, result.verdict.environment)
    progress.note(f"lossy against the expectation; repeating {repetitions} times: {', '.join(ids)}")
    repeated = run_experiment(again, replace(options, out=folder / REPETITIONS, in_rounds=True), progress)
    confirmation = Confirmation(
        name=experiment.name,
        run=str(result.directory),
        cells=confirm_cells(repeated.verdict, ids),
        asked=repetitions,
        bundle=str(folder / BUNDLE),
        command=options.command,
        started=repeated.verdict.started,
        seconds=repeated.verdict.seconds,
        signal=repeated.verdict.signal,
    )
    write_json(folder / CONFIRMATION, to_json(ConfirmationFile(**fields_of(confirmation))))
    reports.write_reports(folder, document(confirmation))
    return ConfirmationResult(folder, confirmation, repeated.bugs)


def check_folder(out: Path | None) -> None:
    """Check before a run that the folder of its confirmation is free. For ``None``, a new one is made.

    Raises:
        InvalidInputError: It exists and is not empty.
    """
    if out is not None and folder_of(out).exists() and any(folder_of(out).iterdir()):
        hint = "remove it, or choose another --out"
        raise InvalidInputError([Problem(f"{folder_of(out)} exists and is not an empty folder", hint=hint)])


def folder_of(run: Path) -> Path:
    """Return the folder of a run's confirmation."""
    return run.with_name(f"{run.name}{SUFFIX}")


def confirmed(run: Path) -> dict[str, TransitionCounts]:
    """Return the counts of the repetitions of a run's confirmed cells, by the cell's id; empty if none was confirmed.

    Raises:
        EvidenceError: The confirmation is damaged, or of a newer format.
    """
    path = folder_of(run.resolve()) / CONFIRMATION
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise EvidenceError(f"{path} is damaged: {error}") from error
    found = from_json(ConfirmationFile, check_version(data, VERSION, str(path)))
    return {cell.id: cell.repeated for cell in found.cells}


def _part(experiment: Experiment, ids: tuple[str, ...], trials: int) -> Experiment:
    """Return the Experiment with some cells and their controls, each repeated."""
    names = {cell.configuration.name for cell in experiment.cells if cell.id in ids}
    cells = tuple(
        cell
        for cell in experiment.cells
        if cell.id in ids or (cell.change.facts.is_control and cell.configuration.name in names)
    )
    return replace(experiment, cells=cells, trials=trials)
