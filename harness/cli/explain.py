"""``harness explain``: show the trace of a request."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.cli.json_option import AsJson, print_json
from harness.report.outputs import ExplainOutput
from harness.report.request_trace import text_of
from harness.runner.explain import request_traces
from harness.store.rundir import RunDirectory


def explain(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Run directory of `harness run`.")],
    cell: Annotated[str, typer.Option(metavar="GLOB", help="Only these cells, such as graceful--*.")] = "*",
    attempt: Annotated[
        str, typer.Option(metavar="ID", help="Id of the request.", show_default="the first lost request of each cause")
    ] = "",
    as_json: AsJson = False,
) -> int:
    """Show the trace of a request: planned, sent, connection, tries, receipts, the events around it and its cause.

    The evidence must match its seals. Ids are those of the report, of `harness export` and of the access log. The part
    before the first dash is optional: 0-144 is request 144 of worker 0.

    Exit code: 0 shown, also if nothing was lost; 2 invalid input, no such request, or changed evidence.

    [bold]Examples[/bold]

      harness explain reports/demo-20260131T120000

      harness explain reports/demo-20260131T120000 --cell bare--rolling-update --attempt 31c496fb-0-144
    """
    run = RunDirectory.open(directory)
    run.verify("evidence")
    found = request_traces(run, cells=cell, attempt=attempt)
    if as_json:
        print_json(ExplainOutput(traces=found))
        return 0
    console = Console(highlight=False)
    if not found:
        console.print("No request was lost since a change began.")
    for trace in found:
        console.print(text_of(trace), markup=False, soft_wrap=True)
    return 0
