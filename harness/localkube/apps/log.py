"""The container's log as a busy server writes it: many lines in one write, none later than a tenth of a second."""

from __future__ import annotations

import asyncio
import sys
from types import TracebackType
from typing import Self

_SECONDS = 0.1


class BatchedLog:
    """Collects lines and writes them to standard output together; leaving its context writes what is left.

    A write per request would cost more than answering it.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.flush()

    def line(self, text: str) -> None:
        """Add a line."""
        self._lines.append(text)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what has come together."""
        self._timer = None
        if self._lines:
            sys.stdout.write("\n".join(self._lines) + "\n")
            sys.stdout.flush()
            self._lines.clear()
