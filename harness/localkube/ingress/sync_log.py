"""Log the syncs of a controller for the evidence, with times of the clock that all events share."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from harness.localkube.ingress.line_file import LineFile


class SyncLog(LineFile):
    """Writes ``ingress-controller.jsonl``: ``{"monotonic_ns": ..., "what": ..., "detail": {...}}``.

    For ingress-nginx, ``what`` is ``reload`` (new workers have replaced the old ones), ``endpoints`` (Lua received
    other endpoints) or ``sync`` (no change, or only of the load balancing). For Traefik, it is ``configured`` (another
    configuration is in use) or ``sync`` (the configuration was checked without a change). Use it as a context manager.

    Args:
        path: The file; its folder is created.
    """

    def record(self, what: str, detail: Mapping[str, str | int], *, at: int = 0, exact_ns: int = 0) -> None:
        """Write a line.

        Args:
            what: Kind of the sync.
            detail: More facts.
            at: Time of CLOCK_MONOTONIC in nanoseconds; 0 for now.
            exact_ns: Uncertainty in nanoseconds: the sync may have been earlier by up to this.
        """
        line: dict[str, object] = {"monotonic_ns": at or time.monotonic_ns(), "what": what, "detail": dict(detail)}
        self.append(json.dumps(line | ({"exact_ns": exact_ns} if exact_ns else {})) + "\n")
