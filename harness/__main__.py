"""Where ``harness`` and ``python -m harness`` begin: Ctrl-C is no traceback, not even during the imports."""

from __future__ import annotations

import os
import signal
from types import FrameType


def main() -> None:
    """Run the command line; it handles signals by itself as soon as it is there."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    from harness.kit import streams  # noqa: PLC0415 - after the handler, before anything that opens a file

    streams.secure()
    from harness.cli.main import main as command_line  # noqa: PLC0415 - half a second in which people press Ctrl-C

    command_line()


def _leave(number: int, _frame: FrameType | None) -> None:
    """Nothing has been begun, so nothing is to be ended; an exception would come out of some import as a traceback."""
    os._exit(128 + number)


if __name__ == "__main__":
    main()
