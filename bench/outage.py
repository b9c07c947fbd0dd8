"""Which share of short outages the engine catches, and how well it tells their length.

``python -m bench.outage`` sends 5,000 requests per second to a server that is dark for 1, 2, 5, 20 or 100 ms at a time,
many times each in one run, and knows when. An outage is caught if ``harness.analysis.outages`` finds one there.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from bench.dark import GAP, LEAD, Dark, outages
from bench.jobs import Job, Result
from bench.measure import Spread, spend
from bench.servers import cores, python_server
from bench.tables import parser, publish, table
from harness.analysis.outages import OutageArrays, find_outages
from harness.model.attempt import Outcome
from harness.store.ledger import read_ledger

LENGTHS = (1, 2, 5, 20, 100)
RATE = 5000.0
#: Milliseconds of an outage that meets requests on any machine.
_SURE = 500
#: Nanoseconds around an outage in which what is found is taken for it; others are further away.
_NEAR = GAP // 3
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Trial:
    """One run.

    Attributes:
        dark: What the server did.
        found: What the analysis says, in nanoseconds from the origin.
        origin: CLOCK_MONOTONIC of the origin.
        result: The sender's account.
        late: Milliseconds that requests left after their plan: median and 99th percentile.
        cut: Requests lost, by the ledger.
    """

    dark: list[Dark]
    found: OutageArrays
    origin: int
    result: Result
    late: tuple[float, float]
    cut: int


def run(lengths: Sequence[int], rate: float, folder: Path) -> Trial:
    """Send until all outages are over.

    Args:
        lengths: Milliseconds of each outage, in their order.
        rate: Requests per second.
        folder: For the ledger.
    """
    mine, other = cores()
    seconds = (outages(list(lengths), 0)[-1].end + LEAD // 2) / _NS
    told = folder / "dark.json"
    with python_server("dark", folder, str(told), *map(str, lengths), cpu=other) as port:
        job = Job("engine", port, seconds=seconds, connections=64, rate=rate, folder=str(folder))
        spent = spend([sys.executable, "-m", "bench.driver", json.dumps([asdict(job)])], cpu=mine)
    if spent.code:
        raise RuntimeError(f"the driver ended with {spent.code}:\n{spent.stdout}{spent.stderr}")
    journal = [json.loads(line) for line in (folder / "traffic.jsonl").read_text().splitlines()]
    origin, stop = (
        next(line[field] for line in journal if line["event"] == event)
        for event, field in (("started", "origin_ns"), ("stopping", "at_ns"))
    )
    rows = read_ledger(folder / "ledger-0.npy")
    sent = rows["sent"] >= 0
    late = np.percentile((rows["sent"] - rows["planned"])[sent] / 1e6, [50, 99])
    return Trial(
        dark=[Dark(**one) for one in json.loads(told.read_text())],
        found=find_outages(rows["planned"], rows["outcome"], streams=1, end_ns=stop - origin),
        origin=origin,
        result=Result(**json.loads(spent.stdout.splitlines()[-1])),
        late=(float(late[0]), float(late[1])),
        cut=int((rows["outcome"] == Outcome.CLOSED).sum() + (rows["outcome"] == Outcome.RESET).sum()),
    )


def told_lengths(trial: Trial) -> tuple[list[tuple[Dark, float | None]], int]:
    """Each outage, and the milliseconds that it is said to have lasted (None: not caught); how many are made up."""
    begins, ends = trial.found.start + trial.origin, trial.found.end + trial.origin
    real = np.zeros(len(begins), dtype=bool)
    pairs: list[tuple[Dark, float | None]] = []
    for dark in trial.dark:
        near = (begins < dark.end + _NEAR) & (ends > dark.begin - _NEAR)
        real |= near
        # Told in pieces, it lasted from the first to the last.
        pairs.append((dark, float(ends[near].max() - begins[near].min()) / 1e6 if near.any() else None))
    return pairs, int((~real).sum())


def report(trial: Trial) -> str:
    """The table, and what may disturb it."""
    pairs, made_up = told_lengths(trial)
    rows = []
    for length in sorted({_milliseconds(dark) for dark, _ in pairs}):
        mine = [(dark, said) for dark, said in pairs if _milliseconds(dark) == length]
        met = sum(dark.cut > 0 for dark, _ in mine)
        said = [each for _, each in mine if each is not None]
        errors = [abs(each - length) for each in said]
        rows.append(
            [
                f"{length}",
                f"{len(mine)}",
                f"{met}",
                f"{len(said)} ({len(said) / len(mine):.1%})",
                Spread.of(said).text("{:.1f}") if said else "",
                f"{np.percentile(errors, 95):.1f}" if errors else "",
            ]
        )
    heads = ["outage, ms", "outages", "that met a request", "caught", "length found, ms", "95 % within, ms"]
    cut = sum(dark.cut for dark in trial.dark)
    more = (
        f"The server cut {cut:,} requests, the ledger says {trial.cut:,}; of {trial.result.requests:,} sent, "
        f"{trial.result.missed:,} slots were missed.\nOutages found where there was none: {made_up:,}.\n"
        f"Requests left {trial.late[0]:.2f} ms (median) and "
        f"{trial.late[1]:.2f} ms (99th percentile) after their plan."
    )
    return f"{table(heads, rows)}\n\n{more}"


def _milliseconds(dark: Dark) -> int:
    return round((dark.end - dark.begin) / 1e6)


def main() -> None:
    """Measure, print, and write the table."""
    arguments = parser("Short outages: which share is caught, and how well their length is told.")
    arguments.add_argument("--count", type=int, default=100, help="outages of each length (%(default)s)")
    given = arguments.parse_args()
    lengths = [length for length in LENGTHS for _ in range(2 if given.quick else given.count)]
    random.Random(2).shuffle(lengths)
    if given.quick:
        # At this rate the short ones may meet nothing on a starved machine.
        lengths.append(_SURE)
    with tempfile.TemporaryDirectory() as folder:
        trial = run(lengths, 1000.0 if given.quick else RATE, Path(folder))
    publish(given.doc, "outage", "python -m bench.outage", report(trial))


if __name__ == "__main__":
    main()
