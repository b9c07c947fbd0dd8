"""Measures ``harness compare``: false alarms among pairs without a difference, and planted differences that it finds.

Transitions are drawn with known probabilities. With run directories as arguments, pairs are also drawn from the
transitions that these runs measured, cell by cell.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from bench.tables import parser, publish, table
from harness.analysis.proportions import clopper_pearson
from harness.errors import ExitCode
from harness.judging.compared_runs import transitions
from harness.runner.judging import read_verdict
from harness.store.rundir import RunDirectory
from harness.testing.many_trials import drawn_comparison

#: Probability that a transition is lossy, by the kind of cell.
SHARES = {"steady": 0.0, "rare": 0.05, "flaky": 0.3, "often": 0.5, "bad": 0.9, "lossy": 1.0}
#: Trials of the first look, and repetitions.
SIZES = ((1, 10), (3, 10), (10, 20), (10, 0), (30, 0))
#: Pairs of runs, and of a quick run.
PAIRS, QUICK = 2000, 50
COMMAND = "python -m bench.compared_pairs"


def main(arguments: Sequence[str] | None = None) -> None:
    """Count alarms and planted differences, and publish both."""
    options = parser(__doc__ or "")
    options.add_argument("runs", nargs="*", type=Path, help="run directories whose transitions are drawn, too")
    given = options.parse_args(arguments)
    pairs = QUICK if given.quick else PAIRS
    heads = ("cells", "first look", "repetitions", "false alarms", "smallest difference", "found")
    rows = [row("drawn, six cells", SHARES, size, pairs) for size in SIZES]
    rows += [
        row(f"measured, {len(shares)} cells", shares, size, pairs) for shares in measured(given.runs) for size in SIZES
    ]
    publish(given.doc, "compared_pairs", COMMAND, table(heads, rows))


def measured(runs: Sequence[Path]) -> list[dict[str, float]]:
    """Return the share of lossy transitions of each cell of each run; cells without an answer are left out."""
    found = []
    for path in runs:
        cells = transitions(read_verdict(RunDirectory.open(path)))
        found.append({name: each.lossy / each.count for name, each in cells.items() if each.count})
    return found


def row(name: str, shares: dict[str, float], size: tuple[int, int], pairs: int) -> tuple[str, ...]:
    """Return a row of the table: alarms without a difference, and the found share of a planted difference."""
    trials, repeat = size
    chance = random.Random(1)
    alarms = sum(alarm(shares, shares, chance, size) for _ in range(pairs))
    high = clopper_pearson(alarms, pairs, 0.95).high
    steady = {"a": 0.0}
    smallest = drawn_comparison(steady, steady, chance, trials=trials, repeat=repeat).cells[0].smallest
    found = sum(alarm(steady, {"a": smallest}, chance, size) for _ in range(pairs)) if smallest > 0 else 0
    return (
        name,
        str(trials),
        str(repeat),
        f"{alarms} of {pairs} (up to {100 * high:.1f} %)",
        f"{100 * smallest:.0f} points" if smallest > 0 else "none",
        f"{100 * found / pairs:.0f} %",
    )


def alarm(before: dict[str, float], after: dict[str, float], chance: random.Random, size: tuple[int, int]) -> bool:
    """Compare a drawn pair. Return True if a cell is called worse."""
    comparison = drawn_comparison(before, after, chance, trials=size[0], repeat=size[1])
    return comparison.process_code is ExitCode.UNEXPECTED


if __name__ == "__main__":
    main()
