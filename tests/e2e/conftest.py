"""Fixtures of the end-to-end tests: the command line, and small Experiments for it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import ROOT, CommandLine


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


@pytest.fixture
def experiment(tmp_path: Path) -> Callable[..., Path]:
    """Return a writer of Experiments with the shipped apple and banana. Keyword arguments replace top-level fields."""

    def write(**fields: Any) -> Path:
        content: dict[str, Any] = {
            "name": "tiny",
            "workload": str(ROOT / "experiments" / "apps" / "apple-banana"),
            "ingress": "ingress-nginx",
            "traffic": {
                "rate": "50/s",
                "paths": ["/apple"],
                "methods": ["GET", "POST"],
                "connections": ["new", "reused"],
                "pool": {"size": 8},
                "baseline": "2s",
                "settle": "1s",
                # Longer than a busy machine keeps a server from answering.
                "timeout": "3s",
            },
            "matrix": {"lifecycle": {"bare": {}}},
            "changes": ["none"],
            **fields,
        }
        path = tmp_path / "experiment.yaml"
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    return write
