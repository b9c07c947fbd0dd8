"""Write a container's log in batches, with a delay of at most a tenth of a second."""

from __future__ import annotations

import asyncio
import sys
from types import TracebackType
from typing import Self

_FLUSH_SECONDS = 0.1


class BatchedLog:
    """Collects lines and writes them to standard output together; leaving its context writes the rest.

    One write per request would cost more than the answer.
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
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write the collected lines."""
        self._timer = None
        if self._lines:
            sys.stdout.write("\n".join(self._lines) + "\n")
            sys.stdout.flush()
            self._lines.clear()
