"""A program that overwrites its environment is found by the mark in its working folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.kit.guardian import MARK
from harness.kit.leftovers import leave_mark, left_over_processes

pytestmark = pytest.mark.processes


def test_a_program_without_an_environment_is_found_by_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder's mark names an ended guardian, as for an nginx without its node."""
    monkeypatch.setenv(MARK, "1.12345")
    leave_mark(tmp_path)
    waits = [sys.executable, "-S", "-c", "import sys; sys.stdin.read()"]
    process = subprocess.Popen(waits, cwd=tmp_path, env={}, stdin=subprocess.PIPE)
    try:
        found = [left.pid for left in left_over_processes()]
    finally:
        process.communicate()

    assert process.pid in found
