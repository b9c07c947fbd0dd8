"""Reads from a run's access logs the facts that its verdict lacks: retried requests and error responses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.judging.migration.sides import AccessFacts
from harness.model.verdict import CellVerdict, RunVerdict
from harness.store.access_log import BETWEEN_TRIES, read_requests

_ERRORS = 400


def access_of(run: Path, verdict: RunVerdict) -> dict[str, AccessFacts]:
    """Return the facts of each cell's access logs, by the cell's id.

    A missing log gives no facts.
    """
    return {cell.id: _cell(run, cell) for cell in verdict.cells}


def _cell(run: Path, cell: CellVerdict) -> AccessFacts:
    retried, served, times = 0, set(), []
    errors: Counter[str] = Counter()
    for trial in cell.trials:
        for line in read_requests(run / trial.directory / "access.jsonl"):
            times.append(float(line.get("time") or 0))
            retried += _tries(line) > 1
            path, status = str(line.get("uri", "")).partition("?")[0], int(line.get("status") or 0)
            if status >= _ERRORS:
                errors[f"{path} {status}"] += 1
            else:
                served.add(path)
    span = round(max(times) - min(times), 3) if times else 0.0
    return AccessFacts(len(times), retried, dict(sorted(errors.items())), frozenset(served), span)


def _tries(line: Mapping[str, Any]) -> int:
    """Return the number of tries of a request.

    Nginx lists an address per try. Traefik counts the retries after the first try.
    """
    retries = int(line.get("retries") or 0)
    return 1 + (retries or str(line.get("upstream_addr") or "").count(BETWEEN_TRIES))
