"""Ctrl-C works while the program is still being imported."""

from __future__ import annotations

import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

PROGRAM = """
import os, signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell ignores it

class PressesCtrlC:
    def find_spec(self, name, path=None, target=None):
        if name == "harness.cli.main":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, PressesCtrlC())
from harness.__main__ import main
main()
"""


def test_ctrl_c_during_the_imports_is_silent() -> None:
    """The exit code is 130, and nothing is printed, not even a traceback."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGINT, "", "")


def test_the_script_has_the_same_entry_point() -> None:
    """The installed command is the same function as ``python -m harness``."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())

    assert project["project"]["scripts"] == {"harness": "harness.__main__:main"}
