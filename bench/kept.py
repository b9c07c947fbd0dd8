"""Measure the disk that a day of ``harness watch`` needs with each value of ``--keep-ok``: ``python -m bench.kept``.

The attempts are generated: every other one on a connection of its own, with latencies of some milliseconds, and an
outage of a second in each hour. Their segments are sealed and compacted by the code that a watch uses.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from time import process_time

import numpy as np

from bench.tables import parser, publish, table
from harness.analysis.planned import planner
from harness.kit.files import write_bytes
from harness.model.attempt import CloseReason, Method, Outcome, Progress
from harness.model.counted import KeepOk
from harness.model.experiment import Pool, Route, TrafficPlan
from harness.model.shapes import Shape
from harness.runner.watch.sealing import LedgerSealing
from harness.store.compacted import counted_attempts
from harness.store.ledger_format import ATTEMPT, CONNECTION
from harness.store.mapped import header
from harness.store.segments import check_segments, segment_path
from harness.traffic.event_log import EventLog

NS = 1_000_000_000
#: Connections that are kept alive.
_POOL = 25
#: Seconds of a segment, as ``--seal-every`` has by default.
_SEGMENT = 600


def _attempts(traffic: TrafficPlan, first: int, count: int, random: np.random.Generator) -> np.ndarray:
    rows, numbers = np.zeros(count, ATTEMPT), np.arange(first, first + count)
    rows["number"], rows["planned"] = numbers, planner(traffic)(numbers)
    rows["sent"] = rows["planned"] + random.gamma(2, 100_000, count).astype(np.int64)
    rows["done"] = rows["sent"] + random.lognormal(np.log(5e6), 0.5, count).astype(np.int64)
    is_new = numbers % 2 == 0
    rows["connection"] = np.where(is_new, _POOL + 1 + numbers // 2, numbers // 2 % _POOL + 1)
    rows["carried"] = np.where(is_new, 0, np.minimum(numbers // 2 // _POOL, 65_535))
    rows["shape"] = np.where(is_new, Shape.NEW, Shape.REUSED)
    rows["method"], rows["status"], rows["responder"], rows["written"] = Method.GET, 200, 1 + numbers % 3, 1
    rows["outcome"], rows["progress"] = Outcome.OK, Progress.ANSWERED
    lost = rows["planned"] % (3600 * NS) >= 3599 * NS
    rows["outcome"][lost], rows["status"][lost], rows["responder"][lost] = Outcome.STATUS, 503, 0
    return rows


def _connections(attempts: np.ndarray) -> np.ndarray:
    """Return the records of a segment: those of the pool, which each segment repeats, and the new ones."""
    own = attempts[attempts["shape"] == Shape.NEW]
    rows = np.zeros(_POOL + len(own), CONNECTION)
    rows["number"][:_POOL], rows["shape"][:_POOL], rows["closed"][:_POOL] = np.arange(1, _POOL + 1), Shape.REUSED, -1
    rows["number"][_POOL:], rows["begun"][_POOL:], rows["closed"][_POOL:] = own["connection"], own["sent"], own["done"]
    rows["shape"][_POOL:], rows["requests"][_POOL:], rows["reason"][_POOL:] = Shape.NEW, 1, CloseReason.BY_US
    rows["written"] = 1
    return rows


def measure(keep: KeepOk, rate: int, hours: int) -> tuple[int, int, float]:
    """Return the bytes on disk at the end, the attempts that were counted, and seconds of CPU per hour of traffic."""
    traffic = TrafficPlan(rate=rate, routes=(Route("/"),), methods=(Method.GET,), shapes=(Shape.NEW, Shape.REUSED),
                          pool=Pool(size=_POOL))  # fmt: skip
    random, spent = np.random.default_rng(7), 0.0
    with tempfile.TemporaryDirectory(prefix="kept-") as name:
        directory = Path(name)
        (directory / "plan.json").write_text("{}")
        journal, sealing = EventLog(directory / "traffic.jsonl"), LedgerSealing(directory, 1, traffic, keep)
        for number in range(hours * 3600 // _SEGMENT):
            rows = _attempts(traffic, number * rate * _SEGMENT, rate * _SEGMENT, random)
            for kind, records in (("ledger", rows), ("connections", _connections(rows))):
                content = header(records.dtype, len(records)) + records.tobytes()
                write_bytes(segment_path(directory, kind, 0, number), content)
            journal.record("segment", number=number)
            begun = process_time()
            sealing.seal()
            sealing.compact((number + 1) * rate * _SEGMENT)
            spent += process_time() - begun
        journal.close()
        check = check_segments(directory, 0)
        if check.damage or check.attempts != hours * 3600 * rate:
            raise SystemExit(f"the ledger is damaged: {check}")
        size = sum(path.stat().st_size for path in directory.iterdir())
        return size, counted_attempts(directory, 0), spent / hours


def report(found: dict[KeepOk, tuple[int, int, float]], attempts: int) -> str:
    """Return the table."""
    rows = [
        [f"--keep-ok {keep}", f"{size / 1e6:,.1f}", f"{attempts - counted:,}", f"{1000 * spent:,.0f}"]
        for keep, (size, counted, spent) in found.items()
    ]
    heads = ["option", "disk (MB)", f"attempts kept of {attempts:,}", "CPU per hour of traffic (ms)"]
    return table(heads, rows)


def main() -> None:
    """Measure, print, and write the table."""
    arguments: argparse.ArgumentParser = parser("Disk of a watch of a day.")
    arguments.add_argument("--rate", type=int, default=100, help="requests per second (%(default)s)")
    given = arguments.parse_args()
    hours = 1 if given.quick else 24
    found = {keep: measure(keep, given.rate, hours) for keep in KeepOk}
    publish(given.doc, "kept", "python -m bench.kept", report(found, given.rate * hours * 3600))


if __name__ == "__main__":
    main()
