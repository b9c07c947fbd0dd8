"""A log that readers follow while it grows: every line is whole."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self


class LineFile:
    """A file to which lines are appended; use it as a context manager.

    Args:
        path: The file; its folder is created.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        # Line buffering, so that a reader never sees half a line.
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def append(self, text: str) -> None:
        """Append whole lines."""
        self._file.write(text)
