"""Provide nginx before a run needs it, and print which one: ``python -m harness.localkube.nginx``."""

from __future__ import annotations

import sys

from harness.errors import HarnessError
from harness.localkube.nginx.install import find_or_fetch


def main() -> int:
    """Find or download nginx; return 0, or print an error and return its exit code."""
    try:
        install = find_or_fetch(_say)
    except HarnessError as error:
        sys.stderr.write(f"{error}\n")
        return int(error.exit_code)
    _say(f"nginx {install.version} with Lua: {install.binary}")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"set-up: {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
