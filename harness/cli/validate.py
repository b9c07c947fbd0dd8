"""``harness validate``: check an Experiment file. It imports nothing that runs one."""

from __future__ import annotations

from rich.console import Console

from harness.cli.cluster_rules import rules_of, show_notices
from harness.cli.experiment_options import AssumeInert, Behind, ExperimentFile, Only, Where, controller, parse_only
from harness.experiment.fields import check_assumed
from harness.experiment.load import load_experiment
from harness.model.experiment import Experiment
from harness.wording import plural


def validate(
    experiment: ExperimentFile,
    only: Only = None,
    cluster: Where = "local",
    ingress: Behind = "",
    assume_inert: AssumeInert = None,
) -> int:
    """Check an Experiment file and everything it names, and list the cells it makes. Starts nothing.

    Every problem is told at once, with its file and line: what the file can't say, what an API server would refuse in
    the workload with its patches applied, and images that a local cluster has not (--cluster kind and context have
    any that can be pulled), fields that a local cluster does not implement although they decide about requests, and on
    kind and context every object outside of namespaces.
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
    """A valid Experiment in a few lines: its cells and what is expected of each."""
    cells, trials = plural(len(experiment.cells), "cell"), plural(experiment.trials, "trial")
    lines = [f"{experiment.source}: valid. {cells}, {trials} each:"]
    width = max(len(cell.configuration.name) for cell in experiment.cells)
    lines += [
        f"  {cell.configuration.name:<{width}}  {cell.change.name}  (expected: {cell.expectation.verdict})"
        for cell in experiment.cells
    ]
    lines += [
        f"assumed to have no effect, so that no verdict is better than inconclusive: {each.field} of {each.object}"
        for each in experiment.assumed
    ]
    lines += [f"without effect on requests: {each}" for each in experiment.inert]
    return "\n".join(lines)
