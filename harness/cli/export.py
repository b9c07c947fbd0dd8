"""``harness export``: write the attempts of a run or a watch for other tools."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.errors import InvalidInputError, Problem
from harness.kit import streams
from harness.kit.files import clear_disk_errors
from harness.runner.export import not_kept, parts_of, write_csv, write_jsonl
from harness.store.compacted import unreplaced
from harness.store.rundir import RunDirectory
from harness.wording import plural


def export(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Run directory of `harness run` or `harness watch`.")
    ],
    form: Annotated[
        str, typer.Option("--format", metavar="csv", help="Output format: csv, with a header line (RFC 4180).")
    ] = "csv",
    out: Annotated[str, typer.Option(metavar="FILE|-", help="Output file; - is standard output.")] = "-",
    cell: Annotated[
        str,
        typer.Option(metavar="GLOB", help="Only these cells, such as graceful--*. For a watch: number of an origin."),
    ] = "*",
    trial: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only this trial.", show_default="all")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Write one JSON object per attempt in place of CSV; see `harness schema`.")
    ] = False,
) -> int:
    """Write every attempt of a run or a watch as a CSV row: labels instead of codes, times in nanoseconds.

    A watch with --keep-ok has counted some right answers and not kept them; a line on stderr says how many.
    Also works on the evidence that a killed run left. docs/reference/ledger.md describes the columns.
    docs/how-to/read-attempts.md shows how to read the ledgers with numpy and pandas.

    Exit code: 0 written, also if the reader closes the pipe early (| head); 2 invalid input; 4 not all of it could be
    written.

    [bold]Examples[/bold]

      harness export reports/demo-20260131T120000 --cell 'bare--*' --out attempts.csv

      harness export reports/watch-shop.example-20260131T120000 | grep -v ',ok,'
    """
    if form != "csv":
        raise InvalidInputError([Problem(f"--format {form!r}: expected csv")])
    top = RunDirectory.open(directory).path
    folders = parts_of(top, cells=cell, trial=trial or 0)
    write = write_jsonl if as_json else write_csv
    # Otherwise a watch that goes on could drop further answers after the sentence about their number.
    with unreplaced(*folders):
        if missing := not_kept(folders):
            sys.stderr.write(f"{missing}\n")
        if out == "-":
            with streams.required_output() as file:
                write(top, folders, file)
            return 0
        with clear_disk_errors(Path(out)), Path(out).open("w", encoding="utf-8", newline="") as file:
            count = write(top, folders, file)
    sys.stderr.write(f"{out}: {plural(count, 'attempt')}\n")
    return 0
