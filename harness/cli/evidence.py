"""``harness analyze`` and ``harness report``: the same answer again from the sealed evidence, offline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, RenderableType

from harness.report import terminal
from harness.report.watched import terminal as watched_terminal
from harness.runner.judging import judge, judge_as_found, read_verdict, write_reports
from harness.runner.watch import judging as watch_judging
from harness.runner.watch.plan import is_watch
from harness.store.rundir import RunDirectory

Directory = Annotated[
    Path, typer.Argument(metavar="DIR", help="A run directory, as `harness run` or `harness watch` made it.")
]


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
    if not unsealed:
        run.verify("evidence")
    parts, code = (_watch_again if is_watch(run.path) else _run_again)(run, keep=not unsealed)
    console = Console(highlight=False)
    for part in parts:
        console.print(part)
    return code


def _run_again(run: RunDirectory, *, keep: bool) -> tuple[list[RenderableType], int]:
    """Judge a run: what to print, and the exit code."""
    verdict = judge(run) if keep else judge_as_found(run)
    if keep:
        write_reports(run, verdict)
    return terminal.render(verdict), verdict.exit_code


def _watch_again(run: RunDirectory, *, keep: bool) -> tuple[list[RenderableType], int]:
    """The same for a watch."""
    verdict = watch_judging.judge_as_found(run)
    if keep:
        watch_judging.keep(run, verdict)
    return watched_terminal.render(verdict), verdict.exit_code


def report(directory: Directory) -> int:
    """Write the reports (index.html, junit.xml, summary.md) again from verdict.json."""
    run = RunDirectory.open(directory)
    run.verify("verdict")
    if is_watch(run.path):
        watch_judging.write_reports(run, watch_judging.read_verdict(run))
    else:
        write_reports(run, read_verdict(run))
    Console(highlight=False).print(f"report: {run.path / 'index.html'}", markup=False, soft_wrap=True)
    return 0
