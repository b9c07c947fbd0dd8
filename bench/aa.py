"""Measure how often a verdict is a false alarm: ``python -m bench.aa``.

Nothing is wrong in these trials, so each loss is a false alarm. A control changes nothing. A pair is the same change of
the same application twice, a restart that its settings make lossless; it raises an alarm if one of the two loses
requests and the other does not. There are as many controls as restarts, on the embedded cluster, in runs of a few
trials each, so the trials of a pair are close in time.

The rate is that of all conclusive results, with its exact (Clopper-Pearson) interval. An inconclusive result is no
alarm and no proof, so it is counted apart. Without an alarm the upper bound of the interval is what was shown.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.servers import ROOT
from bench.tables import parser, publish, table
from harness.analysis.proportions import clopper_pearson

#: Trials of each kind in one run: a pair is two trials of the same run.
BATCH = 20
CONFIDENCE = 0.95
#: Exit codes of a run that gave a verdict.
_VERDICTS = frozenset({0, 1, 3})


@dataclass(frozen=True, slots=True)
class Alarms:
    """The results of one kind.

    Attributes:
        what: The kind.
        total: How many there were.
        alarms: How many raised a false alarm.
        inconclusive: How many were neither an alarm nor a proof.
    """

    what: str
    total: int
    alarms: int
    inconclusive: int

    @property
    def row(self) -> tuple[str, ...]:
        """Return the row of the table."""
        conclusive = self.total - self.inconclusive
        if not conclusive:
            return (self.what, str(self.total), str(self.inconclusive), str(self.alarms), "-", "-")
        interval = clopper_pearson(self.alarms, conclusive, CONFIDENCE)
        share = f"{self.alarms / conclusive:.1%}"
        bounds = f"{interval.low:.1%} to {interval.high:.1%}"
        return (self.what, str(self.total), str(self.inconclusive), str(self.alarms), share, bounds)


def controls(verdicts: Sequence[str]) -> Alarms:
    """Count the controls: each that is lossy is a false alarm."""
    return Alarms("controls", len(verdicts), verdicts.count("lossy"), verdicts.count("inconclusive"))


def pairs(verdicts: Sequence[str]) -> Alarms:
    """Count the pairs of consecutive trials: each whose two verdicts differ is a false alarm.

    A pair with an inconclusive trial says nothing. Two lossy trials do not differ.
    """
    both = [*zip(verdicts[::2], verdicts[1::2], strict=True)]
    unknown = sum("inconclusive" in pair for pair in both)
    differing = sum("inconclusive" not in pair and pair[0] != pair[1] for pair in both)
    return Alarms("unchanged pairs", len(both), differing, unknown)


def experiment(trials: int) -> dict[str, object]:
    """Return the Experiment of one run: the graceful configuration of the demo, with its control and a restart."""
    shipped = ROOT / "experiments"
    patches = [str(shipped / "patches" / f"{name}.yaml") for name in ("readiness", "prestop-sleep-6")]
    return {
        "name": "aa",
        "workload": str(shipped / "apps" / "apple-banana"),
        "ingress": "ingress-nginx",
        "traffic": {
            "rate": "100/s",
            "paths": ["/apple"],
            "methods": ["GET", "POST"],
            "connections": ["new", "reused"],
            "pool": {"size": 32},
            "baseline": "3s",
            "settle": "2s",
            "timeout": "3s",
        },
        "matrix": {"lifecycle": {"graceful": {"patch": patches}}},
        "changes": ["none", {"restart": {"deployment": "apple"}}],
        "trials": trials,
    }


def run(folder: Path, trials: int) -> dict[str, list[str]]:
    """Run so many trials of each cell; return their verdicts in their order, by the change.

    Raises:
        RuntimeError: The run gave no verdict.
    """
    file, out = folder / "aa.json", folder / "out"
    file.write_text(json.dumps(experiment(trials)), encoding="utf-8")
    command = [sys.executable, "-P", "-m", "harness", "run", str(file), "--out", str(out), "--retry-inconclusive", "0"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    if done.returncode not in _VERDICTS:
        raise RuntimeError(f"exit code {done.returncode}\n{done.stderr}")
    cells = json.loads((out / "verdict.json").read_bytes())["cells"]
    return {
        cell["change"]: [trial["verdict"] for trial in sorted(cell["trials"], key=lambda trial: trial["number"])]
        for cell in cells
    }


def measure(trials: int) -> dict[str, list[str]]:
    """Run the trials in batches; return all verdicts by the change."""
    found: dict[str, list[str]] = {"none": [], "restart": []}
    while (done := len(found["none"])) < trials:
        with tempfile.TemporaryDirectory(prefix="bench-aa-") as folder:
            batch = run(Path(folder), min(BATCH, trials - done))
        for change, verdicts in batch.items():
            found[change] += verdicts
        lossy = sum(verdicts.count("lossy") for verdicts in batch.values())
        sys.stderr.write(f"{len(found['none'])} of {trials}, {lossy} lossy in this batch\n")
    return found


def report(results: Sequence[Alarms]) -> str:
    """Return the table."""
    heads = ("what", "number", "inconclusive", "false alarms", "rate", f"{CONFIDENCE:.0%} interval")
    return table(heads, [each.row for each in results])


def main() -> None:
    """Measure, print, and write into the document."""
    arguments = parser((__doc__ or "").splitlines()[0])
    arguments.add_argument(
        "--pairs", type=int, default=100, help="unchanged pairs, and half the controls (%(default)s)"
    )
    options = arguments.parse_args()
    found = measure(2 * (1 if options.quick else options.pairs))
    publish(options.doc, "aa", "python -m bench.aa", report([controls(found["none"]), pairs(found["restart"])]))


if __name__ == "__main__":
    main()
