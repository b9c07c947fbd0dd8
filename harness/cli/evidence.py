"""``harness analyze`` and ``harness report``: judge and report again, offline, from sealed evidence."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.cli.json_option import AsJson, print_json
from harness.cli.run import summary as run_summary
from harness.errors import EvidenceError, InvalidInputError, Problem
from harness.model.verdict import RunVerdict
from harness.model.watch import WatchVerdict
from harness.report import run as run_report
from harness.report import terminal
from harness.report import watch as watch_report
from harness.report.document import Document
from harness.report.formats import FORMATS
from harness.report.outputs import FilesOutput
from harness.report.watch_json import summary as watch_summary
from harness.runner.judging import judge, judge_as_found, read_verdict, write_reports
from harness.runner.watch import judging as watch_judging
from harness.runner.watch.plan import is_watch
from harness.store.rundir import RunDirectory
from harness.wording import count, instant, plural

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="Run directory of `harness run` or `harness watch`.")]


def analyze(
    directory: Directory,
    unsealed: Annotated[
        bool, typer.Option("--unsealed", help="Judge the evidence that a killed run left. Writes nothing.")
    ] = False,
    so_far: Annotated[
        bool, typer.Option("--so-far", help="Judge a watch while it goes on. Not final; writes nothing.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Judge a run's evidence again. Writes verdict.json and the reports, with the same bytes each time.

    The evidence must match its seals: a changed or missing file is an error. The exit code is that of the verdict.

    A killed run has not sealed its evidence. --unsealed judges what it recorded; trials that did not end are
    inconclusive. Files that differ from a seal are listed, and what depends on them is inconclusive. Unsealed evidence
    proves nothing, so the exit code is never 0.

    --so-far judges a watch that still sends, up to its first request without an outcome. The exit code is 1 if a
    request was lost, else 3; it is never 0, because the rest is unknown. With --json, `final` is false.
    """
    if so_far and unsealed:
        raise InvalidInputError([Problem("--so-far and --unsealed exclude each other", hint="leave one of them out")])
    run = RunDirectory.open(directory)
    console = Console(highlight=False, stderr=as_json)
    if so_far:
        return _so_far(run, console, as_json=as_json)
    if unsealed:
        return _as_found(run, console, as_json=as_json)
    run.verify("evidence")
    verdict = _again(run)
    console.print(terminal.render(_document(verdict)))
    console.print(f"report: {run.path / 'index.html'}", markup=False, soft_wrap=True)
    if as_json:
        _print_summary(verdict, run)
    return verdict.exit_code


def _again(run: RunDirectory) -> RunVerdict | WatchVerdict:
    """Judge, write the reports, and return the verdict."""
    if is_watch(run.path):
        return watch_judging.write_verdict(run, watch_judging.judge_again(run))
    verdict = judge(run)
    write_reports(run, verdict)
    return verdict


def _document(verdict: RunVerdict | WatchVerdict) -> Document:
    return watch_report.document(verdict) if isinstance(verdict, WatchVerdict) else run_report.document(verdict)


def _print_summary(verdict: RunVerdict | WatchVerdict, run: RunDirectory) -> None:
    """Print what ``harness run --json`` or ``harness watch --json`` would, with the exit code of this verdict."""
    if isinstance(verdict, WatchVerdict):
        print_json(watch_summary(verdict, str(run.path)))
    else:
        print_json(replace(run_summary(verdict, run.path), exit_code=int(verdict.exit_code)))


def _as_found(run: RunDirectory, console: Console, *, as_json: bool) -> int:
    """Judge the evidence as found, and write nothing. The output always says that it is no proof."""
    differences = run.differences()
    if differences:
        lines = [f"{run.path} is not as it was sealed:", *(f"  {each}" for each in differences)]
        console.print("\n".join(lines), style="bold red", markup=False, soft_wrap=True)
    judged = watch_judging.judge_as_found if is_watch(run.path) else judge_as_found
    verdict = judged(run, differences)
    console.print(terminal.render(_document(verdict)))
    console.print(_no_proof(run, len(differences)), style="bold yellow", markup=False, soft_wrap=True)
    if as_json:
        _print_summary(verdict, run)
    return verdict.exit_code


def _so_far(run: RunDirectory, console: Console, *, as_json: bool) -> int:
    """Judge a watch that goes on, and write nothing. The output always says that it is not final."""
    if not is_watch(run.path):
        hint = "`harness analyze --unsealed` shows what the run has recorded."
        raise EvidenceError(f"--so-far judges a watch, and {run.path} is a run.", hint=hint)
    found = watch_judging.judge_so_far(run)
    ago = max(0.0, (time.time_ns() - found.until_ns) / 1e9)
    console.print(terminal.render(_document(found.verdict)))
    console.print(
        f"not final: every request planned until {instant(found.until_ns)}, {ago:.1f} s ago, is counted; "
        f"{count(found.sealed)} of them are sealed. Nothing was written.",
        style="bold yellow", markup=False, soft_wrap=True,
    )  # fmt: skip
    if as_json:
        print_json(watch_summary(found.verdict, str(run.path), sealed=found.sealed))
    return found.verdict.exit_code


def _no_proof(run: RunDirectory, differences: int) -> str:
    """Return the sentence about why this verdict proves nothing."""
    if differences:
        why = f"{plural(differences, 'file differs', 'files differ')} from the seals, see above"
    elif run.is_sealed("evidence"):
        why = "--unsealed was given, although the evidence matches its seals; leave it out"
    else:
        why = "the evidence was never sealed"
    return f"no proof: {why}. This does not count as success, and nothing was written."


def report(directory: Directory, as_json: AsJson = False) -> int:
    """Write the reports again from verdict.json."""
    run = RunDirectory.open(directory)
    run.verify("verdict")
    if is_watch(run.path):
        watch_judging.write_reports(run, watch_judging.read_verdict(run))
    else:
        write_reports(run, read_verdict(run))
    if as_json:
        files = tuple(str(run.path / each.file) for each in FORMATS)
        print_json(FilesOutput(directory=str(run.path), files=files))
        return 0
    Console(highlight=False).print(f"report: {run.path / 'index.html'}", markup=False, soft_wrap=True)
    return 0
