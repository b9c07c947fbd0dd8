"""Reads what the logs of ingress controller, client and kube-proxy say about lost requests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from harness.analysis.accounts.records import attempt_keys
from harness.analysis.evidence import PathRecords, Rows, Tries
from harness.analysis.row_facts import IS_LOSS
from harness.model.timeline import Event, EventKind
from harness.store.access_log import AccessLines, split_tries
from harness.store.json_lines import read_json_lines
from harness.store.rundir import TrialDirectory

#: Word of the events of kube-proxy.
PROGRAMMED = "programmed"
_KUBE_PROXY_LOG = "kube-proxy.jsonl"


def lost_in(rows: Rows) -> Rows:
    """Return the attempts whose recorded outcome is a loss."""
    found: Rows = rows[IS_LOSS[rows["outcome"]]]
    return found


def read_paths(trial: TrialDirectory, rows: Rows, log: AccessLines | None, workers: int) -> PathRecords:
    """Return the records of the way of some requests of a trial.

    Args:
        trial: The trial's folder.
        rows: The attempts.
        log: The lines of the trial's access log; None if traffic passes no proxy that writes one.
        workers: Number of workers that shared the schedule.
    """
    is_logged = trial.access.exists()
    return PathRecords(
        tries=_tries(log, rows) if log is not None and len(rows) else {},
        is_logged=is_logged,
        peers=_peers(trial.traffic, rows, workers) if len(rows) else {},
        programmed=tuple(_programmed(trial.logs / _KUBE_PROXY_LOG)) if len(rows) else (),
    )


def _tries(log: AccessLines, lost: Rows) -> dict[tuple[int, int], Tries]:
    """Return the tries of the lost requests that the access log has; its last line about a request counts."""
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
