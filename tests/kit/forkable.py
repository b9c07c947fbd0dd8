"""Does what children of fork servers do in tests; the server imports it, so its state shows what a fork takes along."""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import numpy as np

#: Who imported this module.
IMPORTED_BY = os.getpid()


def report() -> int:
    """Print all about this process as JSON; the exit code is the first argument."""
    handlers = {s.name: repr(signal.getsignal(s)) for s in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)}
    facts = {
        "imported_by": IMPORTED_BY,
        "pid": os.getpid(),
        "argv": sys.argv,
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "random": [random.random(), float(np.random.random())],  # noqa: NPY002 - the global state is what is asked for
        "descriptors": {n: str(Path(f"/proc/self/fd/{n}").readlink()) for n in _open()},
        "session": os.getsid(0) == os.getpgid(0),
        "handlers": handlers,
        "wakeup": signal.set_wakeup_fd(-1),
        "log_handlers": len(logging.getLogger().handlers),
        "threads": threading.active_count(),
        "monotonic": time.monotonic(),
        "title": Path("/proc/self/comm").read_text(encoding="utf-8").strip(),
    }
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("x").info(json.dumps(facts))
    return int(sys.argv[1])


def _open() -> list[int]:
    return [int(entry.name) for entry in list(Path("/proc/self/fd").iterdir()) if entry.is_symlink()]


def echo() -> None:
    """Answer each line of the input with a line of the output."""
    for line in sys.stdin:
        sys.stdout.write(f"got {line}")
        sys.stdout.flush()


def sleep() -> None:
    """Say that it is up, with a child of its own, and do nothing."""
    below = os.fork()
    if below:
        Path(sys.argv[1]).with_suffix(".new").write_text(f"{os.getpid()} {below}", encoding="ascii")
        Path(sys.argv[1]).with_suffix(".new").rename(sys.argv[1])
    time.sleep(120)


def stubborn() -> None:
    """Ignore SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sleep()


def polite() -> None:
    """End by SIGTERM with a code of its own."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
    Path(sys.argv[1]).write_text("up", encoding="ascii")
    signal.pause()


def fail() -> None:
    """Fail as a program does."""
    raise ZeroDivisionError("of all things")


def leave() -> None:
    """End with a message, as ``sys.exit`` has it, and something still to be flushed."""
    sys.stdout.write("last words\n")
    sys.exit("a reason")


def hold() -> None:
    """Say whether the descriptor that it was given is a socket that listens."""
    held = [n for n in _open() if str(Path(f"/proc/self/fd/{n}").readlink()).startswith("socket:")]
    with socket.socket(fileno=held[0]) as listener:
        sys.stdout.write(json.dumps([len(held), listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)]) + "\n")
