"""Processes that outlive the command that started them, and that a later command can find and stop."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.errors import WaitTimeoutError
from harness.kit import guardian
from harness.kit.guarded import spawn_guarded
from harness.kit.waiting import wait_until

#: Timeout in seconds. A killed process ends as soon as a busy machine gives it a moment.
_KILL_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Daemon:
    """A process that outlives this one, with its descendants.

    Attributes:
        pid: Process id of its guardian. SIGTERM to it ends the whole tree within ``guardian.PATIENCE`` seconds.
        started: The guardian's start in clock ticks; identifies it together with ``pid``.
    """

    pid: int
    started: int

    @classmethod
    def start(
        cls, argv: Sequence[str], *, log: Path, cwd: Path | None = None, pass_fds: tuple[int, ...] = ()
    ) -> Daemon:
        """Start a program that keeps running when this process ends; see ``ManagedProcess.start``."""
        guard, _, guardian_pid = spawn_guarded(argv, lifeline=-1, log=log, cwd=cwd, pass_fds=pass_fds)
        guard.wait()
        return cls(guardian_pid, guardian.start_ticks(guardian_pid))

    def alive(self) -> bool:
        """Return True if it still runs. A new process with its process id does not count."""
        return guardian.running(self.pid, self.started)

    def stop(self) -> None:
        """End the whole tree: by SIGTERM, and by SIGKILL if that is not enough.

        Raises:
            WaitTimeoutError: A process could not be killed.
        """
        if guardian.send(self.pid, self.started, signal.SIGTERM):
            with contextlib.suppress(WaitTimeoutError):
                wait_until(
                    lambda: not self.alive(),
                    timeout=guardian.PATIENCE + 2,
                    what=f"process {self.pid} to end after SIGTERM",
                )
        below = guardian.descendants(self.pid)
        # It runs, so its process id was its own while the descendants were read.
        if self.alive():
            for pid, started in (*below.items(), (self.pid, self.started)):
                guardian.send(pid, started, signal.SIGKILL)
        wait_until(lambda: not self.alive(), timeout=_KILL_SECONDS, what=f"process {self.pid} to end after SIGKILL")
