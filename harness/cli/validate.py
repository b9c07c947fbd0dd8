"""``harness validate``: check an Experiment file. It imports nothing that runs one, so that it is fast."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from harness.cli.experiment_options import (
    AssumeInert,
    ClusterOption,
    ExperimentFile,
    IngressOption,
    Only,
    controller,
    parse_only,
)
from harness.cli.notices import show_notices
from harness.errors import ExitCode, InvalidInputError
from harness.experiment.fields import check_assumed
from harness.experiment.load import load_experiment
from harness.experiment.validation_report import ValidationReport, report_of, report_of_problems, report_text
from harness.kit import streams
from harness.model.experiment import Experiment
from harness.runner.rules import rules_of
from harness.wording import plural


def validate(
    experiment: ExperimentFile,
    only: Only = None,
    cluster: ClusterOption = "local",
    ingress: IngressOption = "",
    assume_inert: AssumeInert = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON: problems with codes and lines, or the cells.")
    ] = False,
) -> int:
    """Check an Experiment file and all files that it names, and list its cells. Starts nothing.

    Reports every problem at once, with file and line: invalid fields and values; manifests that an API server would
    refuse, with all patches applied; for a local cluster, images that it does not have and fields that affect requests
    but that it does not implement; for kind and context, objects outside of namespaces.

    With --json, standard output has one JSON document, for a valid file and for one with problems. Each problem has a
    code that stays the same when its message is improved.

    Exit code: 0 valid; 2 there are problems; 4 the result could not be printed.
    """

    def load() -> Experiment:
        loaded = load_experiment(
            experiment,
            only=parse_only(only or []),
            rules=rules_of(cluster, {}),
            assume_inert=assume_inert or (),
            ingress=controller(ingress),
        )
        check_assumed(assume_inert or (), [loaded])
        return loaded

    if not as_json:
        _show(load())
        return ExitCode.AS_EXPECTED
    try:
        report = report_of(load())
    except InvalidInputError as error:
        report = report_of_problems(str(experiment), error.problems)
    return _print(report)


def _show(loaded: Experiment) -> None:
    console = Console(highlight=False)
    console.print(describe(loaded), markup=False, soft_wrap=True)
    show_notices(loaded, console)


def _print(report: ValidationReport) -> int:
    with streams.required_output() as file:
        file.write(report_text(report))
    return ExitCode.AS_EXPECTED if report.valid else ExitCode.INVALID_INPUT


def describe(experiment: Experiment) -> str:
    """Return a valid Experiment in a few lines: its cells, and the expected verdict of each."""
    cells, trials = plural(len(experiment.cells), "cell"), plural(experiment.trials, "trial")
    lines = [f"{experiment.source}: valid. {cells}, {trials} each:"]
    width = max(len(cell.configuration.name) for cell in experiment.cells)
    lines += [
        f"  {cell.configuration.name:<{width}}  {cell.change.name}  (expected: {cell.expectation.verdict})"
        for cell in experiment.cells
    ]
    lines += [
        f"assumed to have no effect, so every verdict is inconclusive at best: {each.field} of {each.object}"
        for each in experiment.assumed
    ]
    lines += [f"has no effect on requests: {each}" for each in experiment.inert]
    return "\n".join(lines)
