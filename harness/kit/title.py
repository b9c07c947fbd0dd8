"""The name by which the kernel knows this process: ``ps -e`` and ``top`` show it."""

from __future__ import annotations

import ctypes

_PR_SET_NAME = 15
_libc = ctypes.CDLL(None)


def set_title(title: str) -> None:
    """Set it, cut to 15 characters; the command line of a forked process stays that of its server."""
    _libc.prctl(_PR_SET_NAME, title.encode()[:15])
