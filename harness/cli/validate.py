"""``harness validate``: check an Experiment file. It imports nothing that runs one."""

from __future__ import annotations

from rich.console import Console

from harness.cli.experiment_options import Behind, ExperimentFile, Only, Where, controller, images_on, parse_only
from harness.experiment.load import load_experiment
from harness.model.experiment import Experiment
from harness.report.words import plural


def validate(experiment: ExperimentFile, only: Only = None, cluster: Where = "local", ingress: Behind = "") -> int:
    """Check an Experiment file and everything it names, and list the cells it makes. Starts nothing.

    Every problem is told at once, with its file and line: what the file can't say, what an API server would refuse in
    the workload with its patches applied, and images that a local cluster has not (--cluster kind and context have
    any that can be pulled).
    """
    loaded = load_experiment(
        experiment, only=parse_only(only or []), check_image=images_on(cluster, {}), ingress=controller(ingress)
    )
    Console(highlight=False).print(describe(loaded), markup=False, soft_wrap=True)
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
    return "\n".join(lines)
