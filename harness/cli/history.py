"""``harness history``: keep the results of all runs in a folder, and show the trend of each cell."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.cli.json_option import AsJson, print_json
from harness.errors import InvalidInputError, Problem
from harness.model.history import History
from harness.report import terminal
from harness.report.history import document
from harness.report.outputs import HistoryAddedOutput, HistoryOutput
from harness.runner.history import INDEX, add_run, load_history
from harness.store.history import FILE
from harness.wording import plural

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Keep the results of all runs in a folder, and show the trend of each cell. No server.",
)

Folder = Annotated[
    Path,
    typer.Option("--history", metavar="FOLDER", help=f"Folder of {FILE} and {INDEX}: any folder, branch or artifact."),
]


@app.command("add")
def add(
    directories: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Run directories of `harness run`.")],
    history: Folder = Path("reports"),
    commit: Annotated[
        str,
        typer.Option(help="Commit under test.", show_default="of the CI service, or of Git in this folder"),
    ] = "",
    name: Annotated[
        str,
        typer.Option(
            help="Name of what is run; runs of one name are compared. Give one for each point of a matrix.",
            show_default="the Experiment's",
        ),
    ] = "",
    as_json: AsJson = False,
) -> int:
    """Add runs to a history: one line for each cell and run. A run that is there already is not added again.

    The history is one text file, history.jsonl, that can be copied, committed or merged. index.html next to it lists
    all runs, with a sparkline for each cell.

    [bold]Examples[/bold]

      harness history add reports/demo-20260101T030000

      harness history add reports/tonight --history ../history --name "demo, Kubernetes 1.34"
    """
    added = {str(each): add_run(each, history, commit, name) for each in directories}
    console = Console(stderr=as_json, highlight=False)
    for directory, number in added.items():
        text = f"{plural(number, 'cell')} added" if number else "is part of the history already"
        console.print(f"{directory}: {text}", markup=False, soft_wrap=True)
    console.print(f"index: {history / INDEX}", markup=False, soft_wrap=True)
    if as_json:
        print_json(HistoryAddedOutput(history=str(history / FILE), added=added))
    return 0


@app.command("show")
def show(
    history: Folder = Path("reports"),
    cell: Annotated[str, typer.Option(metavar="GLOB", help="Show only these cells: graceful--*.")] = "*",
    as_json: AsJson = False,
) -> int:
    """Show the trend of each cell, such as steady, flaky, regressed since a run, or too early to tell.

    A regression is shown with the first bad run, its commit, the last good run, and the versions that changed between
    them. A baseline is a percentile of earlier runs, with which the last run is compared; it needs enough runs. The
    exit code is 0 if the history can be read, whatever the trends are.

    [bold]Examples[/bold]

      harness history show

      harness history show --history ../history --cell 'graceful--*' --json
    """
    read = load_history(history)
    if not read.entries:
        hint = f"harness history add DIR --history {history}"
        raise InvalidInputError([Problem(f"there is no history in {history}", hint=hint)])
    kept = History(
        tuple(entry for entry in read.entries if fnmatchcase(entry.cell, cell)),
        tuple(trend for trend in read.trends if fnmatchcase(trend.cell, cell)),
    )
    if as_json:
        print_json(HistoryOutput(cells=kept.trends))
    else:
        Console(highlight=False).print(terminal.render(document(kept, history.name)))
    return 0
