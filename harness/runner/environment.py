"""Describes the machine of a run, so that a reader can judge whether its numbers apply elsewhere."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import psutil

#: The packages that take part in a run; none comes with an extra.
PACKAGES = ("locust", "geventhttpclient", "gevent", "kubernetes", "numpy", "aiohttp")


def _cpu() -> str:
    """Return the processor's name as the kernel reports it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _system() -> str:
    """Return distribution and version."""
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.system()


def describe_environment() -> Mapping[str, str]:
    """Return machine, system and versions, as ``{name: value}``."""
    versions = {f"version of {name}": metadata.version(name) for name in PACKAGES}
    return {
        "harness": metadata.version("harness"),
        "system": f"{_system()}, Linux {platform.release()}",
        "processor": f"{os.cpu_count()} x {_cpu()}",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "python": platform.python_version(),
        **versions,
    }
