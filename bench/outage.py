"""Measures which share of short outages the engine detects, and how exact their measured lengths are.

``python -m bench.outage`` sends 5,000 requests per second to a server with outages of 1, 2, 5, 20 and 100 ms. Their
times are known. An outage is detected if ``harness.analysis.outages`` finds one at its time.
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

from bench.jobs import Job, Result
from bench.measure import Spread, spend
from bench.outage_server import GAP, LEAD, PlannedOutage, outages
from bench.servers import cores, python_server
from bench.tables import parser, publish, table
from harness.analysis.outages import OutageArrays, find_outages
from harness.model.attempt import Outcome
from harness.store.ledger import read_ledger

LENGTHS = (1, 2, 5, 20, 100)
RATE = 5000.0
#: Milliseconds of an outage that hits requests on any machine.
_SURE = 500
#: Nanoseconds around an outage within which a detected one counts as the same. Other outages are further away.
_NEAR = GAP // 3
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of one run.

    Attributes:
        planned: The outages of the server.
        found: The outages that the analysis found, in nanoseconds from the origin.
        origin: CLOCK_MONOTONIC of the origin.
        result: Result of the sender.
        late: Delay of requests in milliseconds: median and 99th percentile.
        cut: Number of lost requests in the ledger.
    """

    planned: list[PlannedOutage]
    found: OutageArrays
    origin: int
    result: Result
    late: tuple[float, float]
    cut: int


def run(lengths: Sequence[int], rate: float, folder: Path) -> Trial:
    """Send until all outages are over.

    Args:
        lengths: Milliseconds of each outage, in order.
        rate: Requests per second.
        folder: Folder for the ledger.
    """
    mine, other = cores()
    seconds = (outages(list(lengths), 0)[-1].end + LEAD // 2) / _NS
    planned = folder / "planned.json"
    with python_server("outage_server", folder, str(planned), *map(str, lengths), cpu=other) as port:
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
        planned=[PlannedOutage(**one) for one in json.loads(planned.read_text())],
        found=find_outages(rows["planned"], rows["outcome"], streams=1, end_ns=stop - origin),
        origin=origin,
        result=Result(**json.loads(spent.stdout.splitlines()[-1])),
        late=(float(late[0]), float(late[1])),
        cut=int((rows["outcome"] == Outcome.CLOSED).sum() + (rows["outcome"] == Outcome.RESET).sum()),
    )


def measured_lengths(trial: Trial) -> tuple[list[tuple[PlannedOutage, float | None]], int]:
    """Return each outage with its measured length in milliseconds (None if undetected); and how many are false."""
    begins, ends = trial.found.start + trial.origin, trial.found.end + trial.origin
    real = np.zeros(len(begins), dtype=bool)
    pairs: list[tuple[PlannedOutage, float | None]] = []
    for planned in trial.planned:
        near = (begins < planned.end + _NEAR) & (ends > planned.begin - _NEAR)
        real |= near
        # If it was found in several parts, measure from the first to the last.
        pairs.append((planned, float(ends[near].max() - begins[near].min()) / 1e6 if near.any() else None))
    return pairs, int((~real).sum())


def report(trial: Trial) -> str:
    """Return the table, and facts about the quality of the measurement."""
    pairs, made_up = measured_lengths(trial)
    rows = []
    for length in sorted({_milliseconds(planned) for planned, _ in pairs}):
        mine = [(planned, said) for planned, said in pairs if _milliseconds(planned) == length]
        met = sum(planned.cut > 0 for planned, _ in mine)
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
    cut = sum(planned.cut for planned in trial.planned)
    more = (
        f"The server cut {cut:,} requests, the ledger says {trial.cut:,}; of {trial.result.requests:,} sent, "
        f"{trial.result.missed:,} slots were missed.\nOutages found where there was none: {made_up:,}.\n"
        f"Requests left {trial.late[0]:.2f} ms (median) and "
        f"{trial.late[1]:.2f} ms (99th percentile) after their plan."
    )
    return f"{table(heads, rows)}\n\n{more}"


def _milliseconds(planned: PlannedOutage) -> int:
    return round((planned.end - planned.begin) / 1e6)


def main() -> None:
    """Measure, print, and write the table."""
    arguments = parser("Short outages: the share that is detected, and the exactness of their lengths.")
    arguments.add_argument("--count", type=int, default=100, help="outages of each length (%(default)s)")
    given = arguments.parse_args()
    lengths = [length for length in LENGTHS for _ in range(2 if given.quick else given.count)]
    random.Random(2).shuffle(lengths)
    if given.quick:
        # At this rate, short outages may hit no request on a busy machine.
        lengths.append(_SURE)
    with tempfile.TemporaryDirectory() as folder:
        trial = run(lengths, 1000.0 if given.quick else RATE, Path(folder))
    publish(given.doc, "outage", "python -m bench.outage", report(trial))


if __name__ == "__main__":
    main()
