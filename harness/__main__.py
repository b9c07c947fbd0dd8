"""The entry point of ``harness`` and ``python -m harness``.

It exists so that Ctrl-C never prints a traceback, not even during the imports.
"""

from __future__ import annotations

import os
import signal
from types import FrameType


def main() -> None:
    """Run the command line. It installs its own signal handlers once it is imported."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    from harness.kit import streams  # noqa: PLC0415 - after the handler, before anything that opens a file

    streams.secure()
    from harness.cli.main import main as command_line  # noqa: PLC0415 - slow, and Ctrl-C must work meanwhile

    command_line()


def _leave(number: int, _frame: FrameType | None) -> None:
    """End the process. Nothing has started yet, and an exception would show as a traceback from some import."""
    os._exit(128 + number)


if __name__ == "__main__":
    main()
