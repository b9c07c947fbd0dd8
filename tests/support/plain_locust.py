"""Runs Locust's own command line, and ends it by SIGTERM after it has done enough."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ports import free_port

from harness.kit.waiting import wait_until

#: Seconds, more than anything takes here even on a busy machine.
PATIENCE = 250


@dataclass(frozen=True)
class Done:
    """The result of Locust."""

    code: int
    err: str


def locust(folder: Path, *args: str, enough: Callable[[], object] = lambda: False) -> Done:
    """Run Locust until ``enough`` is true or it ends by itself, and return its result.

    Args:
        folder: Its working directory.
        args: Its arguments, besides ``--headless``.
        enough: A condition that is polled. SIGTERM is sent when it holds.
    """
    port = str(free_port(""))
    # Two masters can't listen on Locust's usual port at once.
    command = [sys.executable, "-m", "locust", "--headless", *args, "--master-bind-port", port, "--master-port", port]
    log = folder / "locust.log"
    with log.open("wb") as file, subprocess.Popen(command, cwd=folder, stdout=file, stderr=file) as process:
        try:
            wait_until(lambda: process.poll() is not None or enough(), timeout=PATIENCE, what="enough traffic")
        finally:
            process.terminate()
            process.wait(PATIENCE)
    return Done(process.returncode, log.read_text(encoding="utf-8", errors="replace"))
