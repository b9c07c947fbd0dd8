"""Locust workers that a master starts on its own machine: below the same guardian, so that they end with it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from harness.kit.files import open_log, tail
from harness.kit.processes import describe_code
from harness.traffic.distributed.worker_launch import WorkerTerms, worker_environment

#: Seconds that a worker may take to end by itself.
_END_SECONDS = 5.0


class LocalWorkers:
    """Some workers.

    Args:
        count: How many; they get the shares from 0 on.
        command: How each is started.
        directory: Gets their logs.
    """

    def __init__(self, count: int, command: list[str], directory: Path) -> None:
        self._directory = directory
        self._processes = [self._start(number, command) for number in range(count)]

    def trouble(self, number: int) -> str:
        """Why the worker of a share has ended; empty if it runs, or is none of these."""
        code = self._processes[number].poll() if number < len(self._processes) else None
        if code is None:
            return ""
        said = tail(self._log(number), 5)
        return f"{describe_code(code)}" + (f"; it said:\n{said}" if code > 0 and said else "")

    def missing(self) -> dict[int, str]:
        """All shares whose worker has ended, and why."""
        return {number: text for number in range(len(self._processes)) if (text := self.trouble(number))}

    def end(self) -> None:
        """Wait for their end, and bring it about."""
        for process in self._processes:
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.terminate()

    def _start(self, number: int, command: list[str]) -> Any:
        with open_log(self._log(number)) as log:
            return subprocess.Popen(
                command,
                env=worker_environment(WorkerTerms(number=number)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _log(self, number: int) -> Path:
        return self._directory / f"locust-{number}.log"
