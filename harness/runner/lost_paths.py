"""Reads what the logs of ingress controller, client, kube-proxy and pods say about lost requests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from harness.analysis.accounts.records import attempt_keys
from harness.analysis.evidence import PathRecords, Rows, TrialEvidence, Tries
from harness.analysis.moments import NS
from harness.analysis.row_facts import IS_LOSS
from harness.kit.clock import Clock
from harness.model.failed import TracedReceipt
from harness.model.timeline import Event, EventKind
from harness.store.access_log import AccessLines, split_tries
from harness.store.json_lines import read_json_lines
from harness.store.receipts import receipts_of
from harness.store.rundir import TrialDirectory

#: Word of the events of kube-proxy.
PROGRAMMED = "programmed"
_KUBE_PROXY_LOG = "kube-proxy.jsonl"


def lost_in(rows: Rows) -> Rows:
    """Return the attempts whose recorded outcome is a loss."""
    found: Rows = rows[IS_LOSS[rows["outcome"]]]
    return found


def read_paths(
    folder: TrialDirectory, trial: TrialEvidence, rows: Rows, log: AccessLines | None, clock: Clock
) -> PathRecords:
    """Return the records of the paths that some requests of a trial took.

    Args:
        folder: The trial's folder.
        trial: Its evidence.
        rows: The attempts.
        log: The lines of the trial's access log; None if traffic passes no proxy that writes one.
        clock: The clock of the trial; without a wall anchor, the times of receipts are unknown.
    """
    is_logged = folder.access.exists()
    if not len(rows):
        return PathRecords(is_logged=is_logged)
    return PathRecords(
        tries=_tries(log, rows) if log is not None else {},
        is_logged=is_logged,
        peers=_peers(folder.traffic, rows, trial.workers),
        programmed=tuple(_programmed(folder.logs / _KUBE_PROXY_LOG)),
        receipts=_receipts(folder, trial, rows, clock),
    )


def _receipts(
    folder: TrialDirectory, trial: TrialEvidence, rows: Rows, clock: Clock
) -> dict[tuple[int, int], tuple[TracedReceipt, ...]]:
    """Return the receipts of some attempts, in order of time, by worker and number."""
    if trial.others is None or not trial.others.receipts.logs:
        return {}
    keys = zip(rows["worker"].tolist(), rows["number"].tolist(), strict=True)
    ids = {trial.attempt_id(*key): key for key in keys}
    found: dict[tuple[int, int], list[TracedReceipt]] = {}
    for receipt in receipts_of(folder.logs / "pods", ids):
        # Without an anchor the wall clock says nothing about the trial's own times.
        is_placed = receipt.wall_ns is not None and clock.wall_anchor_ns
        at = round((clock.from_wall(receipt.wall_ns or 0) - trial.origin_ns) / NS, 6) if is_placed else None
        found.setdefault(ids[receipt.attempt], []).append(TracedReceipt(receipt.pod, receipt.what, receipt.status, at))
    return {key: tuple(sorted(each, key=lambda one: (one.at is None, one.at or 0.0))) for key, each in found.items()}


def _tries(log: AccessLines, lost: Rows) -> dict[tuple[int, int], Tries]:
    """Return the tries of lost requests by the access log. If it has several lines of one, the last one counts."""
    mine = np.isin(attempt_keys(log.worker, log.number), attempt_keys(lost["worker"], lost["number"]))
    return {
        (int(log.worker[line]), int(log.number[line])): Tries(
            split_tries(log.texts[log.servers[line]]),
            split_tries(log.texts[log.statuses[line]]),
            int(log.status[line]),
            log.texts[log.backend[line]],
            was_connected=bool(log.was_connected[line]),
        )
        for line in np.flatnonzero(mine).tolist()
    }


def _peers(traffic: Path, lost: Rows, workers: int) -> dict[int, str]:
    """Return the backends of the connections of lost requests, by the connection's number among all workers."""
    needed = set(lost["connection"].tolist()) - {0}
    found = {}
    for worker in range(workers):
        for line in read_json_lines(traffic / f"backends-{worker}.jsonl"):
            number = int(line.get("connection") or 0)
            number = number if workers == 1 else (number - 1) * workers + worker + 1
            if number in needed:
                found[number] = str(line.get("backend") or "")
    return found


def _programmed(path: Path) -> Iterator[Event]:
    """Yield the events of kube-proxy; only local clusters have its log."""
    for line in read_json_lines(path):
        detail = line.get("detail") or {}
        service = str(detail.get("service", "")).rpartition("/")[2]
        at = int(line.get("monotonic_ns") or 0)
        yield Event(at, EventKind.ENDPOINTS, service, PROGRAMMED, {"backends": str(detail.get("backends", ""))})
