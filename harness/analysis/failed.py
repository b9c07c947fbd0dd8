"""Lists the failed attempts of a trial, with everything that the ledger has of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.analysis.evidence import Rows, label_of
from harness.analysis.facts import Facts
from harness.analysis.moments import NS
from harness.model.attempt import CloseReason, Method, Outcome, Progress
from harness.model.failed import FailedAttempt, FailedAttempts
from harness.model.shapes import Shape

#: Most failed attempts that a verdict keeps of a trial. All of them are in the ledger.
MOST = 200

Indices = np.ndarray[tuple[int], np.dtype[np.intp]]
Kinds = np.ndarray[tuple[int], np.dtype[np.uint64]]


def failed_of(facts: Facts, most: int = MOST) -> FailedAttempts:
    """Return the lost and the unfinished attempts of a trial.

    Args:
        facts: The trial's facts.
        most: Number of attempts to keep. If there are more, the first and the last of each kind are kept, and others
            evenly over time; of too many kinds, a selection that is even over time.
    """
    failed = np.flatnonzero(facts.is_lost | (facts.outcome == Outcome.UNFINISHED))
    rows = facts.evidence.attempts
    # Each worker's rows are in the order of its slots, so a stable sort by time alone has one result.
    failed = failed[np.argsort(rows["planned"][failed], kind="stable")]
    kept = failed if len(failed) <= most else failed[_chosen(_kinds(facts, failed), most)]
    return FailedAttempts(len(failed), attempts_at(facts, kept))


def attempts_at(facts: Facts, rows: Indices) -> tuple[FailedAttempt, ...]:
    """Return the records of the attempts in some rows of the ledger."""
    connections = _connections(facts.evidence.connections, facts.evidence.attempts[rows])
    return tuple(_attempt(facts, row, connections) for row in rows.tolist())


def _kinds(facts: Facts, failed: Indices) -> Kinds:
    """Return a number for the kind of each failed attempt: its stream, outcome and status."""
    kinds: Kinds = facts.stream[failed].astype(np.uint64) << np.uint64(24)
    kinds |= facts.outcome[failed].astype(np.uint64) << np.uint64(16)
    kinds |= facts.evidence.attempts["status"][failed].astype(np.uint64)
    return kinds


def _chosen(kinds: Kinds, most: int) -> Indices:
    """Return the positions of ``most`` attempts: the first and the last of each kind, and others evenly over time."""
    first = np.unique(kinds, return_index=True)[1]
    last = len(kinds) - 1 - np.unique(kinds[::-1], return_index=True)[1]
    ends = np.union1d(first, last)
    if len(ends) >= most:
        return ends[_evenly(len(ends), most)]
    is_other = np.ones(len(kinds), dtype=bool)
    is_other[ends] = False
    others = np.flatnonzero(is_other)
    return np.union1d(ends, others[_evenly(len(others), most - len(ends))])


def _evenly(length: int, wanted: int) -> Indices:
    return np.linspace(0, length - 1, wanted).round().astype(np.intp)


@dataclass(frozen=True, slots=True)
class _Connection:
    opened: float | None = None
    closed: float | None = None
    closed_by: str = ""


def _connections(rows: Rows, attempts: Rows) -> Mapping[tuple[int, int], _Connection]:
    """Return the connections that some attempts used, by worker and number."""
    wanted = rows[np.isin(rows["number"], np.unique(attempts["connection"]))]
    return {
        (int(row["worker"]), int(row["number"])): _Connection(
            _seconds(row["connected"]), _seconds(row["closed"]), _reason(int(row["reason"]))
        )
        for row in wanted
    }


def _attempt(facts: Facts, index: int, connections: Mapping[tuple[int, int], _Connection]) -> FailedAttempt:
    evidence, row = facts.evidence, facts.evidence.attempts[index]
    stream = facts.streams[int(facts.stream[index])]
    worker, connection = int(row["worker"]), int(row["connection"])
    life = connections.get((worker, connection), _Connection()) if connection else _Connection()
    return FailedAttempt(
        id=evidence.attempt_id(worker, int(row["number"])),
        method=Method(int(row["method"])).name,
        path=stream.key,
        shape=Shape(int(row["shape"])).word,
        outcome=label_of(int(facts.outcome[index])),
        status=int(row["status"]),
        progress=Progress(int(row["progress"])).name.lower().replace("_", "-"),
        answer=evidence.responders.get(int(row["responder"]), ""),
        planned=round(int(row["planned"]) / NS, 6),
        sent=_seconds(row["sent"]),
        done=_seconds(row["done"]),
        connection=connection,
        carried=int(row["carried"]),
        opened=life.opened,
        closed=life.closed,
        closed_by=life.closed_by,
        receipts=evidence.paths.receipts.get((worker, int(row["number"])), ()),
    )


def _seconds(at: Any) -> float | None:
    return None if at < 0 else round(int(at) / NS, 6)


def _reason(code: int) -> str:
    """Return the label of the end of a connection; empty while it is open."""
    if code not in set(CloseReason):
        return f"unknown-{code}"
    return "" if code == CloseReason.OPEN else CloseReason(code).name.lower().replace("_", "-")
