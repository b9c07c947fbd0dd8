"""Fixtures of the end-to-end tests: the command line, and small Experiments for it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import ROOT, CommandLine


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Begin the message of a failed test with the result of its last command.

    A summary of failed tests shows the first words of each message, and a comparison alone does not say why it failed.
    """
    report = yield
    command = getattr(item, "funcargs", {}).get("harness")
    if report.failed and isinstance(command, CommandLine):
        show_result(report, command)
    return report


def show_result(report: pytest.TestReport, command: CommandLine) -> None:
    """Add the results of a test's commands to the report of its failure, that of the last one to its first line."""
    if not command.finished:
        return
    report.sections.append(("results of the commands", "\n".join(each.result for each in command.finished)))
    crash = getattr(report.longrepr, "reprcrash", None)
    first = command.finished[-1].result.splitlines()[0]
    if crash is not None and first not in crash.message:
        crash.message = f"{first} | {crash.message}"


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
