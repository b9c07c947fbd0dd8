"""``harness undo``: undo what a run in place left changed after a crash."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.changes.undo import UndoOutcome, UndoResult
from harness.cli.context_options import Kubeconfig
from harness.cli.json_option import AsJson, print_json
from harness.report.outputs import UndoneOutput, UndoOutput
from harness.runner.in_place.undo import UndoReport, undo_run

_NOW = {
    UndoOutcome.UNDONE: "undone",
    UndoOutcome.NOT_NEEDED: "has its earlier value already",
    UndoOutcome.LEFT: "is left as it is",
    UndoOutcome.GONE: "does not exist any more",
    UndoOutcome.FAILED: "COULD NOT BE UNDONE; try again",
}
_BEFORE = {
    UndoOutcome.UNDONE: "was undone earlier",
    UndoOutcome.NOT_NEEDED: "had its earlier value already at an earlier undo",
    UndoOutcome.LEFT: "was left as it was at an earlier undo",
    UndoOutcome.GONE: "did not exist any more at an earlier undo",
}


def undo(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Run directory that `harness run --in-place` printed.")
    ],
    context: Annotated[
        str, typer.Option(metavar="NAME", help="Context of the cluster, if it has another name now.")
    ] = "",
    kubeconfig: Kubeconfig = None,
    as_json: AsJson = False,
) -> int:
    """Undo what `harness run --in-place` left changed: after kill -9, a crash, or an API server outage.

    A run that ends normally, or by Ctrl-C, undoes its change itself; then there is nothing to do. Only fields that
    still have the value that the run gave them are changed (JSON patch test). Fields that somebody else has changed
    since are left and reported. You can repeat the command. It refuses any cluster other than the run's.

    Exit code: 0 everything is as it was before the run; 2 DIR is no run in place, or the run is still going on; 3 an
    object was changed by somebody else since, or no longer exists; 4 a change could not be undone.

    [bold]Example[/bold]

      harness undo reports/selector-patch-shop-20260101T120000
    """
    done = undo_run(directory, context=context, kubeconfig=str(kubeconfig.absolute()) if kubeconfig else "")
    out = Console(highlight=False, stderr=as_json)
    for line in describe(done):
        out.print(line, markup=False, soft_wrap=True)
    if as_json:
        print_json(as_output(done, directory))
    return int(done.exit_code)


def as_output(done: UndoReport, directory: Path) -> UndoOutput:
    """Return the result as a JSON object, for scripts."""
    objects = (
        UndoneOutput(
            object=each.entry.description, outcome=each.outcome.value, text=each.text, earlier=each in done.earlier
        )
        for each in (*done.earlier, *done.results)
    )
    return UndoOutput(exit_code=int(done.exit_code), directory=str(directory), made=done.made, objects=tuple(objects))


def describe(done: UndoReport) -> list[str]:
    """Return a line for each change, with what was found and done."""
    where = f"namespace {done.plan.namespace}, cluster {done.plan.cluster} at {done.plan.server}"
    if not done.made:
        return [f"nothing to do: the run made no change that can be undone ({done.plan.target}, {where})"]
    lines = [_line(result, _BEFORE) for result in done.earlier] + [_line(result, _NOW) for result in done.results]
    return [*lines, f"({where})"] if done.results else ["nothing to do:", *lines]


def _line(result: UndoResult, words: dict[UndoOutcome, str]) -> str:
    text = f": {result.text}" if result.text else ""
    return f"{result.entry.description}: {words[result.outcome]}{text}"
