"""Measures the free processor time of this machine, within the limits of this process's control groups."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

#: Fields of a line of /proc/stat with idle time: idle, iowait.
_IDLE = slice(3, 5)


@dataclass(frozen=True, slots=True)
class Sample:
    """The kernel's counters at one time, in seconds.

    Attributes:
        at: Time on the meter's clock.
        workless: Idle time of all processors that this process may use.
        used: Time used by this process's control group; 0 if it has no limit.
    """

    at: float
    workless: float
    used: float


class ProcessorMeter:
    """A meter of free processor time between two samples.

    Args:
        root: Folder with ``proc`` and ``sys``.
        processors: Numbers of the processors that this process may use; None asks the kernel.
        now: A clock in seconds.
        ticks: Clock ticks per second of /proc/stat; None asks the kernel.
    """

    def __init__(
        self,
        root: Path = Path("/"),
        *,
        processors: frozenset[int] | None = None,
        now: Callable[[], float] = time.monotonic,
        ticks: int | None = None,
    ) -> None:
        self._root = root
        self._names = {f"cpu{n}" for n in (os.sched_getaffinity(0) if processors is None else processors)}
        self._now = now
        self._ticks = ticks or os.sysconf("SC_CLK_TCK")
        self._limit, self._usage = _tightest(root)

    @property
    def processors(self) -> float:
        """Return the number of processors that this process may use. A control group may allow a part of one."""
        return min(float(len(self._names)), self._limit)

    def sample(self) -> Sample:
        """Return the current counters."""
        idle = 0
        for line in (self._root / "proc/stat").read_text(encoding="ascii").splitlines():
            name, *fields = line.split()
            if name in self._names:
                idle += sum(map(int, fields[_IDLE]))
        return Sample(self._now(), idle / self._ticks, self._usage())

    def free_since(self, earlier: Sample) -> float:
        """Return the average number of free processors since a sample; 0 if no time has passed."""
        latest = self.sample()
        seconds = latest.at - earlier.at
        if seconds <= 0:
            return 0.0
        idle = (latest.workless - earlier.workless) / seconds
        left = self._limit - (latest.used - earlier.used) / seconds
        return max(0.0, min(idle, left, self.processors))


def _tightest(root: Path) -> tuple[float, Callable[[], float]]:
    """Return the lowest limit of this process's control groups, in processors, and a function for the time used."""
    found = [limit for group in _groups(root) if (limit := _limit(group)) is not None]
    return min(found, key=lambda each: each[0], default=(float("inf"), lambda: 0.0))


def _groups(root: Path) -> list[Path]:
    """Return the folders of the control groups that may limit this process, including parent groups."""
    folders: list[Path] = []
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        top = root / "sys/fs/cgroup" / ("cpu" if controllers else "")
        inner = top / path.lstrip("/")
        folders += [inner, *(parent for parent in inner.parents if parent.is_relative_to(top))]
    return folders


def _limit(group: Path) -> tuple[float, Callable[[], float]] | None:
    """Return a group's limit in processors, and a function for the seconds used; None without a limit."""
    try:
        if (group / "cpu.max").is_file():
            quota, period = (group / "cpu.max").read_text(encoding="ascii").split()
            return None if quota == "max" else (int(quota) / int(period), lambda: _used(group / "cpu.stat"))
        if (group / "cpu.cfs_quota_us").is_file():
            quota, period = ((group / f"cpu.cfs_{word}_us").read_text(encoding="ascii") for word in ("quota", "period"))
            return None if int(quota) <= 0 else (int(quota) / int(period), lambda: _used_v1(group))
    except (OSError, ValueError):
        return None
    return None


def _used(statistics: Path) -> float:
    """Return the seconds that a cgroup v2 group has used."""
    lines = (line.split() for line in statistics.read_text(encoding="ascii").splitlines())
    return next(int(value) for name, value in lines if name == "usage_usec") / 1e6


def _used_v1(group: Path) -> float:
    """Return the seconds that a cgroup v1 group has used. The cpuacct controller counts them."""
    parts = ["cpuacct" if part == "cpu" else part for part in group.parts]
    return int(Path(*parts, "cpuacct.usage").read_text(encoding="ascii")) / 1e9
