"""A disk that fills up during a run is reported clearly, is never lossless, and leaves readable evidence."""

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
    """Return True if this user can mount a small disk."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=False).returncode == 0


@pytest.mark.parametrize("size", ["400k", "2m"])
def test_a_full_disk_is_reported_and_never_lossless(
    harness: CommandLine, experiment: Callable[..., Path], tmp_path: Path, size: str
) -> None:
    """If the first or a later ledger does not fit, the run is inconclusive and names the file."""
    if not can_mount():
        pytest.skip("this user can't mount a small tmpfs in a namespace")
    disk = tmp_path / "disk"
    disk.mkdir()
    run = f'mount -t tmpfs -o size={size} tmpfs "{disk}" && exec "$@"'
    command = [sys.executable, "-m", "harness", "run", str(experiment()), "--out", str(disk / "run"), "--json"]
    finished = harness.finish(harness.start_command([*UNSHARE, "sh", "-c", run, "sh", *command]))

    assert finished.code == 3, finished.result
    assert [cell["verdict"] for cell in finished.json["cells"]] == ["inconclusive"]
    assert "No room on disk" in finished.err
    assert "Traceback" not in finished.err
