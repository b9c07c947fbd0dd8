"""Measures whole processes with the operating system's accounting, and summarises several measurements."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.servers import ROOT, pinned


@dataclass(frozen=True, slots=True)
class Spent:
    """The resources that a process used, and its output.

    Attributes:
        wall: Seconds from its start to its end.
        cpu: Seconds of processor time, user and system, including its children.
        peak: Largest resident set of the process in bytes.
        stdout: Its standard output.
        stderr: Its standard error.
        code: Its exit code.
    """

    wall: float
    cpu: float
    peak: int
    stdout: str
    stderr: str
    code: int


def spend(argv: Sequence[str], *, cpu: int | None = None) -> Spent:
    """Run a command to its end.

    Args:
        argv: Program and arguments.
        cpu: Core on which it runs; None for any.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        child = subprocess.Popen([*pinned(cpu), *argv], stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=ROOT)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return Spent(
            wall=wall,
            cpu=usage.ru_utime + usage.ru_stime,
            peak=usage.ru_maxrss * 1024,
            stdout=out.read().decode(errors="replace"),
            stderr=err.read().decode(errors="replace"),
            code=child.returncode,
        )


@dataclass(frozen=True, slots=True)
class Spread:
    """The median and quartiles of several values."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of values.

        Raises:
            ValueError: There are no values.
        """
        if not values:
            raise ValueError("no values")
        ordered = sorted(values)
        if len(ordered) < 3:
            return cls(ordered[0], statistics.median(ordered), ordered[-1])
        low, middle, high = statistics.quantiles(ordered, n=4, method="inclusive")
        return cls(low, middle, high)

    def text(self, form: str = "{:.2f}") -> str:
        """Return ``2.10 (2.05-2.20)``."""
        return f"{form.format(self.middle)} ({form.format(self.low)}-{form.format(self.high)})"


def machine() -> str:
    """Return a description of the machine in one line, without its name."""
    about = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = next((line.split(":", 1)[1].strip() for line in about.splitlines() if line.startswith("model name")), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{len(os.sched_getaffinity(0))} cores ({model or platform.machine()}), {memory:.0f} GiB, "
        f"Linux {platform.release().split('-')[0]}, Python {platform.python_version()}"
    )
