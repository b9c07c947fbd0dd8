"""Exports attempts as rows for other tools: labels in place of codes, ids as on the wire, one block at a time.

Nothing is checked or judged, so the evidence of a killed run can be exported like a sealed one.
"""

from __future__ import annotations

import csv
import errno
import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Any

import numpy as np

from harness.analysis.evidence import Rows, label_of
from harness.errors import EvidenceError
from harness.model.attempt import Method, Outcome, Progress
from harness.model.schedule import streams
from harness.model.shapes import Shape
from harness.model.share import Share
from harness.runner.evidence import read_outcome
from harness.runner.recorded_traffic import RecordedTraffic
from harness.store.compacted import counted_attempts, unreplaced
from harness.store.ledger import read_ledger
from harness.store.ledger_format import ATTEMPT
from harness.store.rundir import TrialDirectory
from harness.store.segments import paths_of
from harness.traffic.plan import PLAN, TrafficChildPlan, read_plan
from harness.wording import plural

#: Rows held in memory at once.
_BLOCK = 50_000

#: The columns in their order; ``docs/reference/ledger.md`` explains each.
COLUMNS = (
    "part", "id", "slot", "worker", "number", "method", "path", "connections", "outcome", "progress", "status",
    "responder", "errno", "planned_ns", "sent_ns", "connected_ns", "first_byte_ns", "done_ns", "planned_unix_ns",
    "connection", "carried", "port", "bytes_out", "bytes_in",
)  # fmt: skip


def parts_of(top: Path, *, cells: str = "*", trial: int = 0) -> tuple[Path, ...]:
    """Return the traffic folders of a run or a watch, in their order.

    Args:
        top: The run directory.
        cells: Glob for the ids of cells (``graceful--rolling-update``), or for the numbers of a watch's origins.
        trial: Number of the trial; 0 for all.

    Raises:
        EvidenceError: No folder matches.
    """
    found = [*top.glob("trials/*/*/traffic"), *top.glob("origins/*/traffic")]
    chosen = [
        folder
        for folder in found
        if fnmatchcase(_cell(folder), cells) and (not trial or folder.parent.name == str(trial))
    ]
    if not chosen:
        there = ", ".join(sorted({_cell(folder) for folder in found})) or "no traffic at all"
        raise EvidenceError(f"{top} has no such traffic.", hint=f"It has {there}.")
    return tuple(sorted(chosen, key=lambda folder: (_cell(folder), int(folder.parent.name))))


def write_csv(top: Path, folders: Sequence[Path], out: IO[str]) -> int:
    """Write the attempts of some traffic folders as CSV (RFC 4180), and return their number.

    Raises:
        EvidenceError: A plan or a ledger can't be read.
    """
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    count = 0
    for folder in folders:
        for block in columns(top, folder):
            writer.writerows(zip(*block, strict=True))
            count += len(block[0])
    return count


def write_jsonl(top: Path, folders: Sequence[Path], out: IO[str]) -> int:
    """Write the attempts of some traffic folders as JSON, one object per line, and return their number.

    Raises:
        EvidenceError: A plan or a ledger can't be read.
    """
    count = 0
    for folder in folders:
        for block in columns(top, folder):
            lines = (json.dumps(dict(zip(COLUMNS, row, strict=True))) for row in zip(*block, strict=True))
            out.writelines(f"{line}\n" for line in lines)
            count += len(block[0])
    return count


def not_kept(folders: Sequence[Path]) -> str:
    """Return in one sentence how many attempts of some traffic folders were counted and not kept; empty if none."""
    missing = sum(counted_in_seals(folder) for folder in folders)
    if not missing:
        return ""
    return (
        f"{plural(missing, 'attempt')} {'is' if missing == 1 else 'are'} not in the table: right answers far from any "
        "loss, counted and not kept (--keep-ok). They were sent and answered."
    )


def counted_in_seals(folder: Path) -> int:
    """Return the number of attempts of a traffic folder that were counted and not kept."""
    return sum(counted_attempts(folder, worker) for worker in range(RecordedTraffic.read(folder).workers))


@dataclass(frozen=True, slots=True)
class _Worker:
    """The facts needed to translate the rows of one worker's ledger."""

    part: str
    plan: TrafficChildPlan
    share: Share
    token: str
    responders: dict[int, str]
    wall_origin_ns: int


def _cell(folder: Path) -> str:
    """Return the cell's id; for a watch, the origin's number."""
    trial = folder.parent
    return trial.name if trial.parent.name == "origins" else trial.parent.name


def columns(top: Path, folder: Path, outcomes: Collection[Outcome] = ()) -> Iterator[list[list[Any]]]:
    """Yield the attempts of a traffic folder in blocks: one list per column of ``COLUMNS``.

    Args:
        top: The run directory.
        folder: The traffic folder.
        outcomes: Only attempts with these outcomes; empty for all.

    Raises:
        EvidenceError: The plan or a ledger can't be read.
    """
    with unreplaced(folder):
        yield from _blocks(top, folder, outcomes)


def _blocks(top: Path, folder: Path, outcomes: Collection[Outcome]) -> Iterator[list[list[Any]]]:
    """Yield the blocks of ``columns``."""
    recorded, outcome = RecordedTraffic.read(folder), read_outcome(TrialDirectory(folder.parent), [])
    plan = read_plan(folder / PLAN)
    origin_ns = outcome.origin_ns or recorded.origin_ns
    wall = outcome.clock.to_wall(origin_ns) if origin_ns and outcome.clock.wall_anchor_ns else 0
    for number, journal in enumerate(recorded.journals):
        worker = _Worker(
            part=folder.parent.relative_to(top).as_posix(),
            plan=plan,
            share=Share(number, recorded.workers),
            token=next((str(event["token"]) for event in journal if event["event"] == "ready"), ""),
            responders={int(e["number"]): str(e["text"]) for e in journal if e["event"] == "responder"},
            wall_origin_ns=wall,
        )
        for path in paths_of(folder, "ledger", number):
            rows = read_ledger(path) if path.exists() else np.zeros(0, ATTEMPT)
            for start in range(0, len(rows), _BLOCK):
                block = rows[start : start + _BLOCK]
                yield _columns(block[np.isin(block["outcome"], [*outcomes])] if outcomes else block, worker)


def _columns(rows: Rows, worker: _Worker) -> list[list[Any]]:
    """Return one block's columns as lists of text and whole numbers; None means no value."""
    traffic = worker.plan.traffic
    numbers, kinds, wall = rows["number"].tolist(), len(streams(traffic)), worker.wall_origin_ns
    return [
        [worker.part] * len(rows),
        [f"{worker.token}-{worker.share.worker}-{number}" for number in numbers],
        [worker.share.global_slot(number, kinds) for number in numbers],
        rows["worker"].tolist(),
        numbers,
        [Method(code).name for code in rows["method"].tolist()],
        [traffic.routes[index].key for index in rows["route"].tolist()],
        [Shape(code).word for code in rows["shape"].tolist()],
        [label_of(code) for code in rows["outcome"].tolist()],
        [Progress(code).name.lower().replace("_", "-") for code in rows["progress"].tolist()],
        _known(rows["status"], 0),
        [worker.responders.get(number) for number in rows["responder"].tolist()],
        [errno.errorcode.get(number, number) if number else None for number in rows["errno"].tolist()],
        *(_known(rows[name], -1) for name in ("planned", "sent", "connected", "first_byte", "done")),
        (rows["planned"] + wall).tolist() if wall else [None] * len(rows),
        _known(rows["connection"], 0),
        rows["carried"].tolist(),
        _known(rows["port"], 0),
        rows["bytes_out"].tolist(),
        rows["bytes_in"].tolist(),
    ]


def _known(values: np.ndarray[Any, Any], nothing: int) -> list[int | None]:
    """Return whole numbers, with None in place of the value that means "none"."""
    return [None if value == nothing else value for value in values.tolist()]
