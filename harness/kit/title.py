"""Sets the name of this process in the process list, for ``ps -e`` and ``top``."""

from __future__ import annotations

import ctypes

_PR_SET_NAME = 15
_libc = ctypes.CDLL(None)


def set_title(title: str) -> None:
    """Set the name, cut to 15 characters. The command line of a forked process remains that of its server."""
    _libc.prctl(_PR_SET_NAME, title.encode()[:15])
