"""Turns two sealed runs into the comparison and its reports; the same evidence always gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from harness.errors import EvidenceError, ExitCode
from harness.judging.migration.comparing import MigrationRun, compare
from harness.model.migration import Migration
from harness.model.verdict import RunVerdict
from harness.report.migration import document
from harness.report.written_files import MigrationFile, fields_of
from harness.runner import reports
from harness.runner.judging import judge, read_verdict, write_reports
from harness.runner.migration.access import access_of
from harness.runner.migration.plan import COMPARISON, read_plan
from harness.runner.plan import RunEnd, RunPlan
from harness.store.records import from_json, to_json
from harness.store.rundir import RunDirectory, write_json

T = TypeVar("T")


def conclude(directory: Path) -> Migration:
    """Compare the two runs of a migration's folder, and write the comparison and its reports.

    If the source's run was stopped, the target never ran; then every cell is unknown.

    Raises:
        EvidenceError: The folder is no migration's folder, or a run does not match its seals.
    """
    plan = read_plan(directory)
    names = plan.directories
    source = _ran(directory / names[0], plan.source, None)
    target = _ran(directory / names[1], plan.target, source.verdict)
    migration = compare(
        source,
        target,
        _manifests(directory / names[0]),
        command=plan.command,
        signal=source.verdict.signal or target.verdict.signal,
    )
    write_json(
        directory / COMPARISON,
        to_json(MigrationFile(**fields_of(migration) | {"exit_code": ExitCode(migration.exit_code)})),
    )
    reports.write_reports(directory, document(migration))
    return migration


def analyze_again(directory: Path) -> Migration:
    """Judge both runs again from their sealed evidence, then compare them.

    Raises:
        EvidenceError: The folder is no migration's folder, or evidence does not match its seals.
    """
    plan = read_plan(directory)
    for name in plan.directories:
        if not _has_run(directory / name):
            continue
        run = RunDirectory.open(directory / name)
        run.verify("evidence")
        write_reports(run, judge(run))
    return conclude(directory)


def _has_run(path: Path) -> bool:
    return (path / "run.json").is_file()


def _ran(path: Path, ingress: str, other: RunVerdict | None) -> MigrationRun:
    """Return one side's run.

    A run that never began is an empty copy of ``other``.
    """
    if other is not None and not _has_run(path):
        return MigrationRun(ingress, path.name, replace(other, cells=(), environment={}, seconds=0.0))
    run = RunDirectory.open(path)
    run.verify("verdict")
    verdict = read_verdict(run)
    end = _read(path / "end.json", RunEnd)
    return MigrationRun(ingress, path.name, verdict, access_of(path, verdict), bugs=bool(end.bugs))


def _manifests(path: Path) -> dict[str, Sequence[Mapping[str, Any]]]:
    plan = _read(path / "run.json", RunPlan)
    return {cell.configuration.name: cell.configuration.manifests for cell in plan.experiment.cells}


def _read(path: Path, kind: type[T]) -> T:
    try:
        return from_json(kind, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise EvidenceError(f"{path} can't be read: {error}") from error
