"""The command line, as in the end-to-end tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import CommandLine


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[CommandLine]:
    """Return the command line. The test fails if it leaves a process."""
    command = CommandLine(tmp_path)
    yield command
    try:
        command.wait_for_none()
    finally:
        for pid in command.processes():
            os.kill(pid, signal.SIGKILL)
