"""Measures time and memory of judging and rendering runs with many attempts.

``python -m bench.analysis`` makes complete run directories of 0.1, 1 and 10 million attempts. ``harness analyze`` then
checks the seals, judges them and writes every report, each time in a new process, in turn. ``--day`` adds 100 million
attempts, a day at 1,200 per second.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench.measure import Spent, Spread, spend
from bench.synthetic import make_run
from bench.tables import parser, publish, table

SIZES = (100_000, 1_000_000, 10_000_000)
QUICK = (1_000, 2_000, 4_000)
#: A day at 1,200 attempts per second.
DAY = 100_000_000
#: Goals for memory by size, bytes.
BYTES = {SIZES[-1]: 500e6, DAY: 1e9}
_ANALYZE = "import sys; from harness.cli.main import main; sys.exit(main())"


def measure(folder: Path, sizes: tuple[int, ...], rounds: int) -> dict[int, list[Spent]]:
    """Analyze a run of each size once per round. The sizes take turns.

    Raises:
        RuntimeError: ``harness analyze`` failed.
    """
    runs = {size: make_run(folder / str(size), size).path for size in sizes}
    spent: dict[int, list[Spent]] = {size: [] for size in sizes}
    for _ in range(rounds):
        for size, run in runs.items():
            one = spend([sys.executable, "-c", _ANALYZE, "analyze", str(run)])
            if one.code != 0 or f"{size:,} requests sent" not in one.stdout:
                raise RuntimeError(f"harness analyze ended with {one.code}:\n{one.stdout}{one.stderr}")
            spent[size].append(one)
    return spent


def report(spent: dict[int, list[Spent]]) -> str:
    """Return the table, and whether the goals are met."""
    cpu = {size: Spread.of([one.cpu for one in each]) for size, each in spent.items()}
    wall = {size: Spread.of([one.wall for one in each]) for size, each in spent.items()}
    peak = {size: max(one.peak for one in each) for size, each in spent.items()}
    smallest = min(spent)
    rows = [
        [
            f"{size:,}",
            wall[size].text("{:.1f}"),
            cpu[size].text("{:.1f}"),
            f"{peak[size] / 1e6:,.0f}",
            "" if size == smallest else _per_million(cpu, smallest, size),
        ]
        for size in spent
    ]
    heads = ["attempts", "seconds", "CPU seconds", "peak RSS, MB", "CPU seconds per further million"]
    goals = [
        f"{size:,} attempts: {peak[size] / 1e6:,.0f} MB; the goal of {goal / 1e6:,.0f} MB is "
        f"{'met' if peak[size] <= goal else 'missed'}."
        for size, goal in BYTES.items()
        if size in spent
    ]
    return "\n\n".join([table(heads, rows), *goals])


def _per_million(cpu: dict[int, Spread], smallest: int, size: int) -> str:
    return f"{(cpu[size].middle - cpu[smallest].middle) / (size - smallest) * 1e6:.2f}"


def main() -> None:
    """Measure, print, and write the table."""
    arguments: argparse.ArgumentParser = parser("Judging and rendering large runs.")
    arguments.add_argument("--rounds", type=int, default=3, help="number of analyses of each size (%(default)s)")
    arguments.add_argument("--folder", type=Path, help="folder for 1.2 GB of runs (a temporary folder)")
    arguments.add_argument("--day", action="store_true", help="add 100 million attempts, 11 GB on disk")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        sizes = (*SIZES, DAY) if given.day else SIZES
        spent = measure(Path(folder), QUICK if given.quick else sizes, 1 if given.quick else given.rounds)
    publish(given.doc, "analysis", "python -m bench.analysis", report(spent))


if __name__ == "__main__":
    main()
