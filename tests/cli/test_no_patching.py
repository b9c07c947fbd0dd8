"""The command line must never import Locust, which patches sockets, threads and subprocesses of the whole process."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.processes


def test_the_command_line_imports_neither_locust_nor_gevent() -> None:
    """In a process of its own: with every command imported, nothing has been patched."""
    program = "import harness.cli.main, sys; print(sorted({'locust', 'gevent'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.strip() == "[]"
