"""Locust workers that a master starts on its own machine, below the same guardian, so that they end with it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from harness.kit.files import open_log, tail
from harness.kit.processes import describe_code
from harness.traffic.distributed.worker_launch import WorkerSettings, worker_environment

#: Seconds within which a worker must end by itself.
_END_SECONDS = 5.0


class LocalWorkers:
    """Starts workers.

    Args:
        count: Number of workers; they get the shares from 0 on.
        command: Command line of each.
        directory: Receives their logs.
    """

    def __init__(self, count: int, command: list[str], directory: Path) -> None:
        self._directory = directory
        self._processes = [self._start(number, command) for number in range(count)]

    def reason_ended(self, number: int) -> str:
        """Return the reason why the worker of a share has ended; empty if it runs, or was not started here."""
        code = self._processes[number].poll() if number < len(self._processes) else None
        if code is None:
            return ""
        said = tail(self._log(number), 5)
        return f"{describe_code(code)}" + (f"; it said:\n{said}" if code > 0 and said else "")

    def missing(self) -> dict[int, str]:
        """Return the shares whose worker has ended, with the reasons."""
        return {number: text for number in range(len(self._processes)) if (text := self.reason_ended(number))}

    def end(self) -> None:
        """Wait for their end, and terminate those that do not end."""
        for process in self._processes:
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.terminate()

    def _start(self, number: int, command: list[str]) -> Any:
        with open_log(self._log(number)) as log:
            return subprocess.Popen(
                command,
                env=worker_environment(WorkerSettings(number=number)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _log(self, number: int) -> Path:
        return self._directory / f"locust-{number}.log"
