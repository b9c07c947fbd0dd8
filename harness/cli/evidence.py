"""``harness analyze`` and ``harness report``: judge and report again, offline, from sealed evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.report import run as run_report
from harness.report import terminal
from harness.report import watch as watch_report
from harness.report.document import Document
from harness.runner.judging import judge, judge_as_found, read_verdict, write_reports
from harness.runner.watch import judging as watch_judging
from harness.runner.watch.plan import is_watch
from harness.store.rundir import RunDirectory
from harness.wording import plural

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="Run directory of `harness run` or `harness watch`.")]


def analyze(
    directory: Directory,
    unsealed: Annotated[
        bool, typer.Option("--unsealed", help="Judge the evidence that a killed run left. Writes nothing.")
    ] = False,
) -> int:
    """Judge a run's evidence again. Writes verdict.json and the reports, with the same bytes each time.

    The evidence must match its seals: a changed or missing file is an error. The exit code is that of the verdict.
    A killed run has sealed nothing. --unsealed judges what it recorded; trials that did not end are inconclusive. If
    there are seals, files that differ from them are listed, and what depends on them is inconclusive. Unsealed evidence
    proves nothing, so the exit code is never 0.
    """
    run = RunDirectory.open(directory)
    console = Console(highlight=False)
    if unsealed:
        return _as_found(run, console)
    run.verify("evidence")
    document, code = _again(run)
    console.print(terminal.render(document))
    console.print(f"report: {run.path / 'index.html'}", markup=False, soft_wrap=True)
    return code


def _again(run: RunDirectory) -> tuple[Document, int]:
    """Judge and write the reports. Return the document to print, and the exit code."""
    if is_watch(run.path):
        watched = watch_judging.write_verdict(run, watch_judging.judge_again(run))
        return watch_report.document(watched), watched.exit_code
    verdict = judge(run)
    write_reports(run, verdict)
    return run_report.document(verdict), verdict.exit_code


def _as_found(run: RunDirectory, console: Console) -> int:
    """Judge the evidence as found, and write nothing. The output always says that it is no proof."""
    differences = run.differences()
    if differences:
        lines = [f"{run.path} is not as it was sealed:", *(f"  {each}" for each in differences)]
        console.print("\n".join(lines), style="bold red", markup=False, soft_wrap=True)
    if is_watch(run.path):
        watched = watch_judging.judge_as_found(run, differences)
        document, code = watch_report.document(watched), watched.exit_code
    else:
        verdict = judge_as_found(run, differences)
        document, code = run_report.document(verdict), verdict.exit_code
    console.print(terminal.render(document))
    console.print(_no_proof(run, len(differences)), style="bold yellow", markup=False, soft_wrap=True)
    return code


def _no_proof(run: RunDirectory, differences: int) -> str:
    """Return the sentence that says why this verdict is no proof."""
    if differences:
        why = f"{plural(differences, 'file differs', 'files differ')} from the seals, see above"
    elif run.is_sealed("evidence"):
        why = "--unsealed was given, although the evidence matches its seals; leave it out"
    else:
        why = "the evidence was never sealed"
    return f"no proof: {why}. This does not count as success, and nothing was written."


def report(directory: Directory) -> int:
    """Write the reports again from verdict.json."""
    run = RunDirectory.open(directory)
    run.verify("verdict")
    if is_watch(run.path):
        watch_judging.write_reports(run, watch_judging.read_verdict(run))
    else:
        write_reports(run, read_verdict(run))
    Console(highlight=False).print(f"report: {run.path / 'index.html'}", markup=False, soft_wrap=True)
    return 0
