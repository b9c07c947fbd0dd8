"""Processes that outlive the command that started them, and can be found and stopped as a whole later."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import WaitTimeoutError
from harness.kit import guardian
from harness.kit.guarded import spawn_guarded
from harness.kit.waiting import wait_until


@dataclass(frozen=True, slots=True)
class Daemon:
    """A process that outlives this one, with everything below it.

    Attributes:
        pid: Of the guardian; SIGTERM to it ends the whole tree within ``guardian.PATIENCE`` seconds.
        started: The guardian's start in clock ticks: with its pid, its identity.
    """

    pid: int
    started: int

    @classmethod
    def start(
        cls, argv: Sequence[str], *, log: Path, cwd: Path | None = None, pass_fds: tuple[int, ...] = ()
    ) -> Daemon:
        """Start a program that lives on when this process ends; see ``ManagedProcess.start``."""
        guard, _, guardian_pid = spawn_guarded(argv, lifeline=-1, log=log, cwd=cwd, pass_fds=pass_fds)
        guard.wait()
        return cls(guardian_pid, guardian.start_ticks(guardian_pid))

    def alive(self) -> bool:
        """Whether it still runs (and no other process has its number by now)."""
        return guardian.running(self.pid, self.started)

    def stop(self) -> None:
        """End the whole tree: in order if it will, by SIGKILL if it won't.

        Raises:
            WaitTimeoutError: Something can't even be killed.
        """
        if self.alive():
            os.kill(self.pid, signal.SIGTERM)
            with contextlib.suppress(WaitTimeoutError):
                wait_until(lambda: not self.alive(), timeout=guardian.PATIENCE + 2, what="an orderly end")
        if self.alive():
            for pid in (*guardian.descendants(self.pid), self.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not self.alive(), timeout=3, what=f"process {self.pid} to end after SIGKILL")
