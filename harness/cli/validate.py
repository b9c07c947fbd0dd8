"""``harness validate``: check an Experiment file. It imports nothing that runs one, so that it is fast."""

from __future__ import annotations

from rich.console import Console

from harness.cli.cluster_rules import rules_of, show_notices
from harness.cli.experiment_options import (
    AssumeInert,
    ClusterOption,
    ExperimentFile,
    IngressOption,
    Only,
    controller,
    parse_only,
)
from harness.experiment.fields import check_assumed
from harness.experiment.load import load_experiment
from harness.model.experiment import Experiment
from harness.wording import plural


def validate(
    experiment: ExperimentFile,
    only: Only = None,
    cluster: ClusterOption = "local",
    ingress: IngressOption = "",
    assume_inert: AssumeInert = None,
) -> int:
    """Check an Experiment file and all files it names, and list its cells. Starts nothing.

    Reports every problem at once, with file and line: invalid fields and values; manifests that an API server would
    refuse, with all patches applied; for a local cluster, images that it does not have and fields that affect requests
    but that it does not implement; for kind and context, objects outside of namespaces.
    """
    loaded = load_experiment(
        experiment,
        only=parse_only(only or []),
        rules=rules_of(cluster, {}),
        assume_inert=assume_inert or (),
        ingress=controller(ingress),
    )
    check_assumed(assume_inert or (), [loaded])
    console = Console(highlight=False)
    console.print(describe(loaded), markup=False, soft_wrap=True)
    show_notices(loaded, console)
    return 0


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
