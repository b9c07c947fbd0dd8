"""What the controller did and when, for the evidence: one line per sync, on the clock that all events share."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self


class Journal:
    """Writes ``ingress-controller.jsonl`` (context manager): ``{"monotonic_ns": ..., "what": ..., "detail": {...}}``.

    Of ingress-nginx, ``what`` is ``reload`` (new workers have replaced the old), ``endpoints`` (Lua has been given
    others) or ``sync`` (nothing was to do, or nothing about endpoints: how they are balanced). Of Traefik, it is
    ``configured`` (another configuration was taken over) or ``sync`` (a route was looked at, nothing was to do).
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Whole lines, so that a reader never meets half of one.
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def record(self, what: str, detail: Mapping[str, str | int], *, at: int = 0, exact_ns: int = 0) -> None:
        """Write a line.

        Args:
            what: What was done.
            detail: Facts about it.
            at: When, by CLOCK_MONOTONIC; now where 0.
            exact_ns: How much earlier it may have been.
        """
        line: dict[str, object] = {"monotonic_ns": at or time.monotonic_ns(), "what": what, "detail": dict(detail)}
        self._file.write(json.dumps(line | ({"exact_ns": exact_ns} if exact_ns else {})) + "\n")
