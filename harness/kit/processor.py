"""Processor time that is free on this machine: what nobody uses, within the limits of this process's control groups."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

#: Fields of a line of /proc/stat that are time in which the processor had nothing to do: idle, iowait.
_IDLE = slice(3, 5)


@dataclass(frozen=True, slots=True)
class Sample:
    """The kernel's counts so far, in seconds.

    Attributes:
        at: Time on the meter's clock.
        workless: Time without work, of all processors that this process may use.
        used: Time used by this process's control group, where it has a limit; else 0.
    """

    at: float
    workless: float
    used: float


class ProcessorMeter:
    """Measures free processor time between two samples.

    Args:
        root: Where ``proc`` and ``sys`` are.
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
        """Return the number of processors that this process may use at once; a control group may allow a fraction."""
        return min(float(len(self._names)), self._limit)

    def sample(self) -> Sample:
        """Read what has been counted so far."""
        idle = 0
        for line in (self._root / "proc/stat").read_text(encoding="ascii").splitlines():
            name, *fields = line.split()
            if name in self._names:
                idle += sum(map(int, fields[_IDLE]))
        return Sample(self._now(), idle / self._ticks, self._usage())

    def free_since(self, earlier: Sample) -> float:
        """Return how many processors were free on average since a sample; 0 where no time has passed."""
        latest = self.sample()
        seconds = latest.at - earlier.at
        if seconds <= 0:
            return 0.0
        idle = (latest.workless - earlier.workless) / seconds
        left = self._limit - (latest.used - earlier.used) / seconds
        return max(0.0, min(idle, left, self.processors))


def _tightest(root: Path) -> tuple[float, Callable[[], float]]:
    """Return the lowest limit among this process's control groups, in processors, and what counts against it."""
    found = [limit for group in _groups(root) if (limit := _limit(group)) is not None]
    return min(found, key=lambda each: each[0], default=(float("inf"), lambda: 0.0))


def _groups(root: Path) -> list[Path]:
    """Return the folders of this process's control groups that may limit it, and of those around them."""
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
    """Return a group's limit in processors, and what reads the seconds that it has used; None without a limit."""
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
    """Return the seconds that a group of version 2 has used."""
    lines = (line.split() for line in statistics.read_text(encoding="ascii").splitlines())
    return next(int(value) for name, value in lines if name == "usage_usec") / 1e6


def _used_v1(group: Path) -> float:
    """Return the seconds that a group of version 1 has used; its account is the same group of another controller."""
    parts = ["cpuacct" if part == "cpu" else part for part in group.parts]
    return int(Path(*parts, "cpuacct.usage").read_text(encoding="ascii")) / 1e9
