"""Which machine this is, as far as clocks are concerned: processes of the same one share CLOCK_MONOTONIC."""

from __future__ import annotations

import socket
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
#: A container may have a CLOCK_MONOTONIC of its own.
_TIME_NAMESPACE = Path("/proc/self/ns/time")


def clock_identity() -> str:
    """The same text in two processes means the same CLOCK_MONOTONIC; empty where nothing is known."""
    try:
        boot = _BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return ""
    try:
        return f"{boot} {_TIME_NAMESPACE.readlink()}"
    except OSError:
        return boot


def host_name() -> str:
    """What people call this machine."""
    return socket.gethostname()
