"""``harness export``: the attempts of a run or a watch for other tools."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.errors import InvalidInputError, Problem
from harness.kit import streams
from harness.kit.files import clear_disk_errors
from harness.runner.export import parts_of, write_csv
from harness.store.rundir import RunDirectory
from harness.wording import plural


def export(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A directory of `harness run` or `harness watch`.")],
    form: Annotated[str, typer.Option("--format", metavar="csv", help="csv, with a head line (RFC 4180).")] = "csv",
    out: Annotated[str, typer.Option(metavar="FILE|-", help="Where to; - is standard output.")] = "-",
    cell: Annotated[
        str, typer.Option(metavar="GLOB", help="Of cells: graceful--*; of a watch's origins: their number.")
    ] = "*",
    trial: Annotated[int | None, typer.Option(min=1, metavar="N", help="This trial alone.", show_default="all")] = None,
) -> int:
    """Write every attempt as a row: labels instead of codes, times in nanoseconds, the id as it was on the wire.

    Works on what a killed run has left, too. docs/reference/ledger.md describes the columns.
    docs/how-to/read-attempts.md shows how to read the ledgers with numpy and pandas.

    Exit code: 0 written, also where the reader leaves early (| head); 4 it could not be written, all of it; 2 invalid
    input.

    [bold]Examples[/bold]

      harness export reports/demo-20260131T120000 --cell 'bare--*' --out attempts.csv

      harness export reports/watch-shop.example-20260131T120000 | grep -v ',ok,'
    """
    if form != "csv":
        raise InvalidInputError([Problem(f"--format {form!r}: expected csv")])
    top = RunDirectory.open(directory).path
    folders = parts_of(top, cells=cell, trial=trial or 0)
    if out == "-":
        with streams.product() as file:
            write_csv(top, folders, file)
        return 0
    with clear_disk_errors(Path(out)), Path(out).open("w", encoding="utf-8", newline="") as file:
        count = write_csv(top, folders, file)
    sys.stderr.write(f"{out}: {plural(count, 'attempt')}\n")
    return 0
