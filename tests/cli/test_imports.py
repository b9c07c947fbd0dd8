"""What the command line must not import: gevent would replace the standard library below its threads and children."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.processes


def test_the_command_line_is_free_of_gevent() -> None:
    """Neither gevent nor Locust, which patches the standard library as it is imported, is in the parent process."""
    program = "import harness.cli.main, sys; print(sorted({'gevent', 'locust'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100, check=True)

    assert done.stdout == "[]\n"
