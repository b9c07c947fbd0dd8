"""Finds processes that an earlier run left behind: one that answers instead of a new pod would hide a loss.

All descendants of a guardian have its identity in their environment. If the guardian has ended, they should have ended
too.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from harness.kit.guardian import MARK, running, start_ticks

#: File with the identity, in the working folder of a program that overwrites its environment.
_MARK_FILE = ".harness-run"


@dataclass(frozen=True, slots=True)
class LeftOver:
    """A process whose guardian has ended.

    Attributes:
        pid: Its process id.
        started: Its start in clock ticks; identifies it together with ``pid``.
        command: Its command line, shortened.
        guardian: Process id of the guardian.
        guardian_started: Start of the guardian in clock ticks.
    """

    pid: int
    started: int
    command: str
    guardian: int
    guardian_started: int

    @property
    def name(self) -> str:
        """Return the name of the program."""
        return self.command.partition(" ")[0].rpartition("/")[2] or "?"


def left_over_processes() -> list[LeftOver]:
    """Return processes of this user (of all users, for root) whose guardian has ended, sorted by process id."""
    found = [
        _examine(pid) for pid in sorted(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    ]
    return [left for left in found if left is not None]


def _examine(pid: int) -> LeftOver | None:
    # Before everything else, so that all of it belongs to this process if it still runs at the end.
    began = start_ticks(pid)
    mark = _mark(pid)
    owner, _, started = mark.partition(".")
    if not (owner.isdigit() and started.isdigit()) or running(int(owner), int(started)):
        return None
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return None
    line = command.replace(b"\0", b" ").decode(errors="replace").strip()[:200]
    return LeftOver(pid, began, line, int(owner), int(started))


def leave_mark(folder: Path) -> None:
    """Write the guardian's identity into a folder, for programs that work there and overwrite their environment."""
    if mark := os.environ.get(MARK):
        (folder / _MARK_FILE).write_text(mark, encoding="ascii")


def _mark(pid: int) -> str:
    return _mark_in_environment(pid) or _mark_in_folder(pid)


def _mark_in_environment(pid: int) -> str:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # another user's process, a kernel thread, or an ended process
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
