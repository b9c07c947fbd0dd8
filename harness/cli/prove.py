"""``harness prove``: run the lossy cells of a run again, before and after their remedies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.analysis.confidence import LEVEL
from harness.cli.command_line import own_command
from harness.cli.experiment_options import Parallel
from harness.cli.json_option import AsJson, print_json
from harness.cli.progress import choose_progress
from harness.report import terminal
from harness.report.outputs import ProveOutput
from harness.report.proof import lines_of
from harness.report.run import document
from harness.runner.options import RunOptions
from harness.runner.prove import plan_proof
from harness.runner.prove import prove as run_proof


def prove(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Run directory of `harness run`.")],
    out: Annotated[Path | None, typer.Option(help="Run directory to create.", show_default="below reports/")] = None,
    trials: Annotated[
        int, typer.Option(min=0, max=200, help="Trials of each cell.", show_default="as many as the confidence needs")
    ] = 0,
    confidence: Annotated[float, typer.Option(min=0.5, max=0.9999, help="Confidence of the proof.")] = LEVEL,
    parallel: Parallel = 0,
    as_json: AsJson = False,
) -> int:
    """Apply the remedies of a run, and run its lossy cells before and after, side by side.

    Each cell that lost requests and has a remedy in a field is run as it was and with all of its remedies, each with a
    control. A remedy works if the cell is lossless with it, lossy without it, and chance does not explain the
    difference at the requested confidence. Remedies that only hide losses are not tried.

    Exit code: 0 every remedy works; 1 requests were lost after a remedy; 2 invalid input, or nothing to prove; 3 the
    evidence is not enough; 4 the harness itself failed.

    [bold]Examples[/bold]

      harness prove reports/demo-20260131T120000

      harness prove reports/demo-20260131T120000 --confidence 0.99
    """
    return prove_and_show(directory, out=out, trials=trials, confidence=confidence, parallel=parallel, as_json=as_json)


def prove_and_show(
    directory: Path,
    *,
    out: Path | None = None,
    trials: int = 0,
    confidence: float = LEVEL,
    parallel: int = 0,
    as_json: bool = False,
) -> int:
    """Prove the remedies of a run, print the result and return the exit code."""
    proof = plan_proof(directory, trials=trials, level=confidence)
    options = RunOptions(out=out, parallel=parallel, command=own_command())
    with choose_progress() as progress:
        result = run_proof(proof, options, progress, confidence)
    console = Console(stderr=as_json, highlight=False)
    console.print(terminal.render(document(result.run.verdict)))
    for line in lines_of(result.comparisons, result.unproven):
        console.print(line, markup=False, soft_wrap=True)
    console.print(f"report: {result.run.directory / 'index.html'}", soft_wrap=True, markup=False)
    code = result.run.verdict.process_code if result.run.interrupted else result.exit_code
    if as_json:
        print_json(
            ProveOutput(
                directory=str(result.run.directory),
                exit_code=int(code),
                cells=result.comparisons,
                unproven=result.unproven,
            )
        )
    return code
