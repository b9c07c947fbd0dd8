"""Locust's own command line, ended by SIGTERM once it has done enough."""

from __future__ import annotations

import random
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.kit.waiting import wait_until

#: Seconds; more than anything takes here, however busy the machine is.
PATIENCE = 250


@dataclass(frozen=True)
class Done:
    """A Locust that has ended."""

    code: int
    err: str


def locust(folder: Path, *args: str, enough: Callable[[], object] = lambda: False) -> Done:
    """Run it in a folder until it has done enough, or ends by itself.

    Args:
        folder: Its working directory.
        args: What it is given beside ``--headless``.
        enough: Asked again and again; SIGTERM is sent when this holds.
    """
    port = str(_free_port())
    # A port of its own: two masters at Locust's usual one would not both begin.
    command = [sys.executable, "-m", "locust", "--headless", *args, "--master-bind-port", port, "--master-port", port]
    log = folder / "locust.log"
    with log.open("wb") as file, subprocess.Popen(command, cwd=folder, stdout=file, stderr=file) as process:
        try:
            wait_until(lambda: process.poll() is not None or enough(), timeout=PATIENCE, what="enough traffic")
        finally:
            process.terminate()
            process.wait(PATIENCE)
    return Done(process.returncode, log.read_text(encoding="utf-8", errors="replace"))


def _free_port() -> int:
    """A port that nobody listens at, outside the range from which the kernel takes those of connections."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))
            return port
