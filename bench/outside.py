"""Clients that are separate programs: hey and wrk, from Debian's packages."""

from __future__ import annotations

import re
from collections.abc import Callable

from bench.jobs import Job, Result
from bench.measure import Spent, spend
from bench.servers import has

#: Debian's packages.
PACKAGES = ("hey", "wrk")


def missing() -> str:
    """Return how to install the missing programs; empty if none is missing."""
    absent = [package for package in PACKAGES if not has(package)]
    return f"Without {' and '.join(absent)}. Install: sudo apt-get install -y {' '.join(absent)}" if absent else ""


def hey(job: Job, cpu: int | None) -> Result:
    """Run ``hey``, a client in Go."""
    argv = ["hey", "-z", f"{job.seconds}s", "-c", str(job.connections), "-cpus", "1"]
    argv += ["-m", "POST", "-d", "attempt"] if job.post else []
    argv += [] if job.reuse else ["-disable-keepalive"]
    spent = spend([*argv, f"{job.url}/"], cpu=cpu)
    answered = sum(int(n) for n in re.findall(r"^\s+\[\d+\]\s+(\d+) responses$", spent.stdout, re.MULTILINE))
    _, _, errors = spent.stdout.partition("Error distribution:")
    lost = sum(int(n) for n in re.findall(r"^\s+\[(\d+)\]", errors, re.MULTILINE))
    return _result(spent, answered + lost, lost)


def wrk(job: Job, cpu: int | None) -> Result:
    """Run ``wrk``, a client in C."""
    # wrk takes whole seconds only.
    argv = ["wrk", "-t", "1", "-c", str(job.connections), "-d", f"{max(1, round(job.seconds))}s"]
    argv += [] if job.reuse else ["-H", "Connection: close"]
    spent = spend([*argv, f"{job.url}/"], cpu=cpu)
    answered = re.search(r"(\d+) requests in", spent.stdout)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", spent.stdout)
    lost = sum(map(int, errors.groups())) if errors else 0
    return _result(spent, (int(answered[1]) if answered else 0) + lost, lost)


def _result(spent: Spent, requests: int, lost: int) -> Result:
    if spent.code or not requests:
        raise RuntimeError(f"the client ended with {spent.code}:\n{spent.stdout}{spent.stderr}")
    return Result(requests, lost, spent.cpu)


OUTSIDE: dict[str, Callable[[Job, int | None], Result]] = {"hey": hey, "wrk": wrk}
