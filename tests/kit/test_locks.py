"""One process at a time has a folder's lock, and its end releases it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.kit.locks import held

pytestmark = pytest.mark.processes

HOLDER = """
import pathlib, sys
from harness.kit.locks import held
with held(pathlib.Path(sys.argv[1])) as mine:
    print(mine, flush=True)
    sys.stdin.read()
"""


def test_one_at_a_time(tmp_path: Path) -> None:
    """A second holder is refused until the first one is done."""
    with held(tmp_path) as first, held(tmp_path) as second:
        assert (first, second) == (True, False)
    with held(tmp_path) as again:
        assert again


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    """It has the lock while it lives. `kill -9` releases it."""
    argv = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        with held(tmp_path) as while_it_lives:
            pass
        process.kill()
        process.wait()
    with held(tmp_path) as afterwards:
        assert (while_it_lives, afterwards) == (False, True)
