"""``harness analyze`` and ``harness report``: the same answer again from the sealed evidence, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.report import terminal
from harness.runner.judging import judge, judge_as_found, read_verdict, write_reports
from harness.store.rundir import RunDirectory

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="A run directory, as `harness run` made it.")]


def analyze(
    directory: Directory,
    unsealed: Annotated[
        bool, typer.Option("--unsealed", help="Judge what a killed run has left, and write nothing.")
    ] = False,
) -> int:
    """Judge a run's evidence again and write verdict.json and the reports; the bytes are the same each time.

    The evidence must be as it was sealed: a changed or missing file is an error. The exit code is that of the verdict.
    A run that was killed has sealed nothing: --unsealed shows what it recorded; what did not end is inconclusive.
    """
    run = RunDirectory.open(directory)
    if unsealed:
        verdict = judge_as_found(run)
    else:
        run.verify("evidence")
        verdict = judge(run)
        write_reports(run, verdict)
    console = Console(highlight=False)
    for line in terminal.render(verdict):
        console.print(line)
    return verdict.exit_code


def report(directory: Directory) -> int:
    """Write the reports (index.html, junit.xml, summary.md) again from verdict.json."""
    run = RunDirectory.open(directory)
    run.verify("verdict")
    write_reports(run, read_verdict(run))
    Console(highlight=False).print(f"report: {run.path / 'index.html'}", markup=False, soft_wrap=True)
    return 0
