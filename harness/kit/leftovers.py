"""Finds processes that an earlier run left behind: an orphan that answers for a new pod makes a false green.

Everything under a guardian carries the guardian's identity in its environment. Where that guardian is gone, the
process should be gone too.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from harness.kit.guardian import MARK, running

#: In the working folder of a program that overwrites its environment.
_MARK_FILE = ".harness-run"


@dataclass(frozen=True, slots=True)
class LeftOver:
    """A process without the guardian it was started under.

    Attributes:
        pid: Its process id.
        command: Its command line, shortened.
        guardian: Process id of the guardian that is gone.
        guardian_started: Its start in clock ticks.
    """

    pid: int
    command: str
    guardian: int
    guardian_started: int

    @property
    def name(self) -> str:
        """The program's name, for a short list."""
        return self.command.partition(" ")[0].rpartition("/")[2] or "?"


def left_over_processes() -> list[LeftOver]:
    """Processes of this user (of all users, for root) whose guardian is gone, by process id."""
    found = [
        _examine(pid) for pid in sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    ]
    return [left for left in found if left is not None]


def _examine(pid: int) -> LeftOver | None:
    mark = _mark(pid)
    owner, _, started = mark.partition(".")
    if not (owner.isdigit() and started.isdigit()) or running(int(owner), int(started)):
        return None
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return None
    return LeftOver(pid, command.replace(b"\0", b" ").decode(errors="replace").strip()[:200], int(owner), int(started))


def leave_mark(folder: Path) -> None:
    """Write this process's mark into a folder: for programs that overwrite their environment and work in there."""
    if mark := os.environ.get(MARK):
        (folder / _MARK_FILE).write_text(mark, encoding="ascii")


def _mark(pid: int) -> str:
    return _mark_in_environment(pid) or _mark_in_folder(pid)


def _mark_in_environment(pid: int) -> str:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # another user's process, a kernel thread, or gone
        return ""
    prefix = f"{MARK}=".encode()
    for entry in environment.split(b"\0"):
        if entry.startswith(prefix):
            return os.fsdecode(entry.removeprefix(prefix))
    return ""


def _mark_in_folder(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cwd/{_MARK_FILE}").read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""
