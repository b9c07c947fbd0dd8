"""Compares verdicts on local clusters with those on real ones: ``python -m bench.fidelity measure|report``.

``measure`` runs Experiments on one kind of cluster with ``harness run``, one configuration at a time. Each run is a
part of the measurement. A cell that has enough trials is not run again, so ``measure`` can be stopped and continued.
Inconclusive trials, and trials that their machine disturbed, are kept but repeated in another part. ``report`` reads
all parts of both kinds of clusters and writes the page.
"""

from __future__ import annotations

import argparse
import fnmatch
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.fidelity_compared import Compared
from bench.fidelity_page import write_page
from bench.fidelity_state import counts, next_folder, read
from bench.servers import ROOT
from harness.errors import HarnessError
from harness.experiment.load import load_experiment

#: The exercises with an ingress: settings that must lose requests, and settings that must not.
EXPERIMENTS = (
    "exercise-2", "exercise-2-naive", "sabotage-rollout", "sabotage-deletion", "sabotage-routing", "sabotage-reload",
    "sabotage-idle", "sabotage-slow-answers", "exercise-1-hook", "exercise-1",
)  # fmt: skip
CLUSTERS = ("local", "kind")
STATE = ROOT / "reports" / "fidelity"
PAGE = ROOT / "docs" / "explanation" / "measurements.md"
FIGURES = ROOT / "bench" / "fidelity.json"
#: Exit codes of ``harness run`` after judging.
_JUDGED = {0, 1, 3}


def missing(state: Path, cluster: str, experiment: str, part: int) -> list[str]:
    """Return the configurations of an Experiment with a cell that has fewer than ``part`` trials."""
    have = counts(state, cluster, experiment)
    cells = load_experiment(_source(experiment)).cells
    return list(dict.fromkeys(cell.configuration.name for cell in cells if have[cell.id] < part))


def measure(options: argparse.Namespace, more: Sequence[str]) -> int:
    """Run the missing trials. Return the highest exit code of runs that judged nothing; 0 if there was none."""
    worst = 0
    for part, experiment, configurations in _work(options):
        folder = next_folder(options.state, options.cluster, experiment)
        folder.parent.mkdir(parents=True, exist_ok=True)
        only = [word for name in configurations for word in ("--only", f"configuration={name}")]
        argv = ["run", str(_source(experiment)), "--cluster", options.cluster, "--out", str(folder), *only, *more]
        print(f"{options.cluster}: {experiment} ({', '.join(configurations)}), part {part}", flush=True)
        code = run_harness(argv)
        if code not in _JUDGED:
            print(f"{experiment}, part {part}: exit {code}", file=sys.stderr)
            worst = max(worst, code)
    return worst


def run_harness(argv: Sequence[str]) -> int:
    """Run the harness. Return its exit code."""
    return subprocess.run([sys.executable, "-m", "harness", *argv], check=False, cwd=ROOT).returncode


def _work(options: argparse.Namespace) -> Iterator[tuple[int, str, list[str]]]:
    """Yield (part, experiment, configurations that lack trials), computed when its turn comes.

    On kind, a run has one configuration, so that little is lost when it is stopped. On local, it has all of them.
    """
    for part in [options.part] if options.part else range(1, options.trials + 1):
        for experiment in options.experiment or EXPERIMENTS:
            names = missing(options.state, options.cluster, experiment, part)
            wanted = [name for name in names if any(fnmatch.fnmatch(name, each) for each in options.only or ["*"])]
            groups = [[name] for name in wanted] if options.cluster == "kind" else [wanted] if wanted else []
            yield from ((part, experiment, group) for group in groups)


def _source(experiment: str) -> Path:
    return ROOT / "experiments" / f"{experiment}.yaml"


def report(options: argparse.Namespace) -> int:
    """Write the page and the figures. Return 1 if nothing was measured on one of the two kinds of clusters."""
    local, kind = read(options.state, "local"), read(options.state, "kind")
    if not local.trials or not kind.trials:
        print(f"nothing was measured on {'local' if kind.trials else 'kind'} yet: {options.state}", file=sys.stderr)
        return 1
    compared = Compared(local, kind)
    write_page(compared, options.page, options.figures)
    print(compared.summary)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.fidelity", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--state", type=Path, default=STATE, help="folder of all runs (%(default)s)")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("measure", help="run the missing trials; other options go to `harness run`")
    run.add_argument("--cluster", choices=CLUSTERS, required=True)
    run.add_argument("--trials", type=int, default=3, help="trials of each cell (%(default)s)")
    run.add_argument("--part", type=int, default=0, help="run until every cell has this many trials, then stop")
    run.add_argument("--experiment", action="append", choices=EXPERIMENTS, help="only this Experiment; repeatable")
    run.add_argument(
        "--only", action="append", metavar="CONFIGURATION", help="only these configurations: name or glob; repeatable"
    )
    page = commands.add_parser("report", help="compare both, and write the page and the figures")
    page.add_argument("--page", type=Path, default=PAGE, help="page to update (%(default)s)")
    page.add_argument("--figures", type=Path, default=FIGURES, help="file for the figures (%(default)s)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line. Return the exit code."""
    parser = _parser()
    options, more = parser.parse_known_args(argv)
    try:
        if options.command == "measure":
            return measure(options, more)
        return report(options) if not more else parser.error(f"unknown: {' '.join(more)}")
    except HarnessError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
