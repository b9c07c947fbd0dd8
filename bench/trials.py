"""Measure the cost of a trial of the demo, against another checkout: ``python -m bench.trials --against PATH``.

Each round runs the demo with one trial of each cell and with two, of each checkout in turn; the order alternates.
The processor time of a further trial is the slope between the two. It includes everything below the process, as the
operating system accounts for it when a process is waited for. The wall time of the demo is that of the shorter run.
Processor time can be compared on a busy machine, too; wall time only on an idle one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Spread, machine
from bench.servers import ROOT
from bench.tables import publish, table

#: Exit codes of a run that gave a verdict.
_VERDICTS = frozenset({0, 1, 3})


@dataclass(frozen=True, slots=True)
class DemoRun:
    """The cost of one run of the demo.

    Attributes:
        trials: How many trials it had.
        wall: Seconds from the start of the command to its end.
        cpu: Seconds of processor time, of the command and of all below it.
        verdicts: The verdict of every cell, by its configuration and change.
    """

    trials: int
    wall: float
    cpu: float
    verdicts: dict[str, str]

    @property
    def inconclusive(self) -> int:
        """Return the number of cells without a verdict."""
        return sum(verdict == "inconclusive" for verdict in self.verdicts.values())


@dataclass(frozen=True, slots=True)
class Pair:
    """One round of one checkout: the demo, and the demo with twice the trials."""

    single: DemoRun
    double: DemoRun

    @property
    def slope(self) -> float:
        """Return the seconds of processor time of a further trial."""
        return (self.double.cpu - self.single.cpu) / (self.double.trials - self.single.trials)


def demo(checkout: Path, trials: int, only: Sequence[str]) -> DemoRun:
    """Run the demo of a checkout with so many trials of each cell.

    Raises:
        RuntimeError: It gave no verdict.
    """
    with tempfile.TemporaryDirectory(prefix="bench-trials-") as folder:
        experiments = Path(folder) / "experiments"
        shutil.copytree(checkout / "experiments", experiments)
        file = experiments / "demo.yaml"
        file.write_text(f"{file.read_text(encoding='utf-8')}trials: {trials}\n", encoding="utf-8")
        out = Path(folder) / "out"
        command = [sys.executable, "-P", "-m", "harness", "run", str(file), "--out", str(out)]
        command += [word for pattern in only for word in ("--only", pattern)]
        log = Path(folder) / "log"
        with log.open("wb") as output:
            began = time.perf_counter()
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(checkout)},
            )
            _, status, usage = os.wait4(child.pid, 0)
            wall = time.perf_counter() - began
            child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode not in _VERDICTS:
            raise RuntimeError(f"{checkout}: exit code {child.returncode}\n{log.read_text(errors='replace')}")
        cells = json.loads((out / "verdict.json").read_bytes())["cells"]
        return DemoRun(
            trials=trials * len(cells),
            wall=wall,
            cpu=usage.ru_utime + usage.ru_stime,
            verdicts={f"{cell['configuration']} {cell['change']}": cell["verdict"] for cell in cells},
        )


def rounds_of(checkouts: Sequence[Path], rounds: int, only: Sequence[str]) -> dict[Path, list[Pair]]:
    """Run the rounds; the checkouts take turns in going first."""
    pairs: dict[Path, list[Pair]] = {checkout: [] for checkout in checkouts}
    for number in range(rounds):
        for checkout in checkouts if number % 2 == 0 else tuple(reversed(checkouts)):
            pair = Pair(demo(checkout, 1, only), demo(checkout, 2, only))
            pairs[checkout].append(pair)
            sys.stderr.write(
                f"round {number + 1}, {checkout.name}: {pair.slope:.2f} s of CPU per further trial; "
                f"demo {pair.single.wall:.1f} s wall, {pair.single.cpu:.1f} s CPU, "
                f"{pair.single.inconclusive}+{pair.double.inconclusive} inconclusive\n"
            )
    return pairs


def report(pairs: dict[Path, list[Pair]]) -> str:
    """Return the tables of the checkouts and of the ratios within a round."""
    heads = ("checkout", "CPU of a further trial, s", "CPU of the demo, s", "wall of the demo, s", "inconclusive")
    rows = [
        (
            checkout.name if checkout != ROOT else "this",
            Spread.of([pair.slope for pair in each]).text(),
            Spread.of([pair.single.cpu for pair in each]).text("{:.1f}"),
            Spread.of([pair.single.wall for pair in each]).text("{:.1f}"),
            _inconclusive(each),
        )
        for checkout, each in pairs.items()
    ]
    parts = [table(heads, rows)]
    if len(pairs) == 2:
        ours, theirs = pairs.values()
        parts.append(_ratios(ours, theirs))
    return "\n\n".join(parts)


def _inconclusive(pairs: Sequence[Pair]) -> str:
    """Count the cells without a verdict, of all."""
    runs = [run for pair in pairs for run in (pair.single, pair.double)]
    return f"{sum(run.inconclusive for run in runs)} of {sum(len(run.verdicts) for run in runs)}"


def _ratios(ours: Sequence[Pair], theirs: Sequence[Pair]) -> str:
    """Return the comparison of this checkout with the other, round by round."""

    def ratio(values: Sequence[float]) -> str:
        return Spread.of(values).text()

    both = list(zip(ours, theirs, strict=True))
    cpu = ratio([a.slope / b.slope for a, b in both])
    whole = ratio([a.single.cpu / b.single.cpu for a, b in both])
    wall = ratio([a.single.wall / b.single.wall for a, b in both])
    other = statistics.median(_differing(a, b) for a, b in both)
    return table(
        ("this : other", "ratio"),
        [
            ("CPU of a further trial", cpu),
            ("CPU of the demo", whole),
            ("wall time of the demo", wall),
            ("cells with another verdict (median of the rounds)", f"{other:g}"),
        ],
    )


def _differing(ours: Pair, theirs: Pair) -> int:
    """Count the cells whose verdicts differ; one that is inconclusive on either side says nothing."""
    return sum(
        {verdict, theirs.single.verdicts[cell]} == {"lossy", "lossless"}
        for cell, verdict in ours.single.verdicts.items()
        if cell in theirs.single.verdicts
    )


def main() -> None:
    """Measure, print, and write into a document where one is given."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--against", type=Path, help="another checkout, such as a git worktree of an earlier commit")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (%(default)s)")
    parser.add_argument("--only", action="append", default=[], help="cells to run, as `harness run --only` has them")
    parser.add_argument("--doc", type=Path, help="document whose table is replaced")
    options = parser.parse_args()
    checkouts = [ROOT] + ([options.against.resolve()] if options.against else [])
    text = report(rounds_of(checkouts, options.rounds, options.only))
    if options.doc:
        publish(options.doc, "trials", "python -m bench.trials --against PATH", text)
    else:
        print(f"{text}\n\n{machine()}")


if __name__ == "__main__":
    main()
