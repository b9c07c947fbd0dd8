"""``harness undo``: after a crash, what a run in place has left changed is put back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.changes.undo import UndoOutcome, UndoResult
from harness.cli.context_options import Kubeconfig
from harness.runner.in_place.undo import UndoReport, undo_run

_TOLD = {
    UndoOutcome.UNDONE: "put back",
    UndoOutcome.NOT_NEEDED: "is as it was before already",
    UndoOutcome.LEFT: "is somebody else's by now, and was left as it is",
    UndoOutcome.GONE: "is not there any more",
    UndoOutcome.FAILED: "COULD NOT BE PUT BACK; try again",
}
_BEFORE = {
    UndoOutcome.UNDONE: "was put back before",
    UndoOutcome.NOT_NEEDED: "was as it was before, when it was looked at",
    UndoOutcome.LEFT: "was somebody else's when it was to be put back, and was left as it is",
    UndoOutcome.GONE: "was not there any more when it was to be put back",
}


def undo(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The run directory that harness run named.")],
    context: Annotated[
        str, typer.Option(metavar="NAME", help="Context, where it is called otherwise by now than in the run.")
    ] = "",
    kubeconfig: Kubeconfig = None,
) -> int:
    """Put back what a run in place has left changed: after kill -9, a crash, or an API server that was away.

    A run that ends in order, by Ctrl-C too, puts back by itself; then there is nothing to do. Only fields that still
    hold the value that the run gave them are touched (JSON patch test): what somebody else has changed since is left,
    and told. It can be repeated at will. The cluster is the run's; another one is refused.

    Exit code: 0 all is as it was before the run, 3 something is somebody else's by now or gone, 4 something could not
    be put back, 2 DIR is no run in place, or the run still goes on.

    [bold]Example[/bold]

      harness undo reports/selector-patch-shop-20260101T120000
    """
    done = undo_run(directory, context=context, kubeconfig=str(kubeconfig.absolute()) if kubeconfig else "")
    out = Console(highlight=False)
    for line in told(done):
        out.print(line, markup=False, soft_wrap=True)
    return int(done.exit_code)


def told(done: UndoReport) -> list[str]:
    """What was found and done, a line for each change."""
    where = f"namespace {done.plan.namespace}, cluster {done.plan.cluster} at {done.plan.server}"
    if not done.made:
        return [f"nothing to do: the run has changed nothing that could be put back ({done.plan.target}, {where})"]
    lines = [_line(result, _BEFORE) for result in done.earlier] + [_line(result, _TOLD) for result in done.results]
    return [*lines, f"({where})"] if done.results else ["nothing to do:", *lines]


def _line(result: UndoResult, words: dict[UndoOutcome, str]) -> str:
    text = f": {result.text}" if result.text else ""
    return f"{result.entry.description}: {words[result.outcome]}{text}"
