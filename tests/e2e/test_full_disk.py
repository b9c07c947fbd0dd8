"""A disk that fills up during a run: said clearly, never lossless, and what was recorded stays readable."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import CommandLine

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

#: A mount that only the run sees; without root it takes a user namespace.
UNSHARE = ("unshare", "--mount", "--map-root-user")


def can_mount() -> bool:
    """Whether this machine lets this user have a small disk of their own."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=False).returncode == 0


@pytest.mark.parametrize("size", ["200k", "2m"])
def test_a_full_disk_is_said_and_is_never_lossless(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path, size: str
) -> None:
    """Too small for the first ledger, or for all of them: inconclusive, with the file that had no room."""
    if not can_mount():
        pytest.skip("this user can't mount a small tmpfs in a namespace")
    disk = tmp_path / "disk"
    disk.mkdir()
    run = f'mount -t tmpfs -o size={size} tmpfs "{disk}" && exec "$@"'
    command = [sys.executable, "-m", "harness", "run", str(experiment()), "--out", str(disk / "run"), "--json"]
    finished = harness.finish(harness.start_command([*UNSHARE, "sh", "-c", run, "sh", *command]))

    assert finished.code == 3, finished.err
    assert [cell["verdict"] for cell in finished.json["cells"]] == ["inconclusive"]
    assert "No room on disk" in finished.err
    assert "Traceback" not in finished.err
