"""Prove remedies: ``python -m remedy_proofs [EXPERIMENT ...]``, or list what was run before: ``--from RUN PROOF``."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from harness.runner.prove import LEAST_TRIALS
from remedy_proofs import page
from remedy_proofs.rows import EXPERIMENTS, ROOT, record, rows_of


def main() -> None:
    """Run the Experiments, record their rows and write the page."""
    parser = argparse.ArgumentParser(prog="remedy_proofs", description=__doc__)
    parser.add_argument("experiments", nargs="*", help="Experiments of the table; all of them by default")
    parser.add_argument("--from", nargs=2, type=Path, metavar=("RUN", "PROOF"), dest="made", help="use these runs")
    parser.add_argument("--cluster", default="local", help="kind of cluster")
    parser.add_argument("--trials", type=int, default=LEAST_TRIALS, help="trials of each row before and after")
    options = parser.parse_args()
    unknown = [each for each in options.experiments if each not in EXPERIMENTS]
    if unknown:
        parser.error(f"not in the table of rows.py: {', '.join(unknown)}")
    for experiment in options.experiments or EXPERIMENTS:
        if options.made:
            record(rows_of(experiment, *options.made))
            continue
        with tempfile.TemporaryDirectory(prefix="remedy-proofs-") as folder:
            record(rows_of(experiment, *_run(experiment, options, Path(folder))))
    page.write()


def _run(experiment: str, options: argparse.Namespace, folder: Path) -> tuple[Path, Path]:
    """Run an Experiment and the proof of its remedies, and return both run directories."""
    run, proof = folder / "run", folder / "proof"
    only = ["--only", EXPERIMENTS[experiment]] if EXPERIMENTS[experiment] else []
    _harness("run", ROOT / experiment, *only, "--cluster", options.cluster, "--out", run)
    _harness("prove", run, "--out", proof, "--trials", options.trials)
    return run, proof


def _harness(*arguments: object) -> None:
    """Run the harness; its exit code says only what the record says, too."""
    subprocess.run([sys.executable, "-m", "harness", *map(str, arguments)], check=False)


if __name__ == "__main__":
    main()
