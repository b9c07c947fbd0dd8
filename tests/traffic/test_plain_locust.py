"""Locustfiles under Locust's own command line: alone, in several processes, and with users that come and go."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.store.ledger import read_ledger
from harness.traffic.faulty import FaultyServer

ROOT = Path(__file__).parents[2]
FILE = """
from harness.model.experiment import Route, TrafficPlan
from harness.traffic.user import LosslessUser

class Mine(LosslessUser):
    traffic = TrafficPlan(rate=100, routes=(Route("/fault/ok", ("ok",)),), timeout=2.0)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FaultyServer]:
    """A faulty server as a process of its own."""
    with FaultyServer.start(tmp_path / "server") as running:
        yield running


def locust(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run the file in a folder."""
    (folder / "mine.py").write_text(FILE)
    command = [sys.executable, "-m", "locust", "-f", "mine.py", "--headless", *args]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=80, check=False)


def journal(folder: Path) -> dict[str, dict[str, Any]]:
    """The last event of each name in the one run's journal."""
    (path,) = (folder / "reports").glob("locust-*/traffic.jsonl")
    return {event["event"]: event for event in map(json.loads, path.read_text().splitlines())}


def test_several_processes_share_the_rate_of_the_class(tmp_path: Path, server: FaultyServer) -> None:
    """Two workers of Locust's, as many users as they are: exactly the slots of one schedule, in two ledgers."""
    host = f"http://{server.address}:{server.port}"
    done = locust(tmp_path, "--host", host, "--processes", "2", "--run-time", "3s")
    events = journal(tmp_path)
    (folder,) = (tmp_path / "reports").iterdir()
    rows = [read_ledger(folder / f"ledger-{number}.npy") for number in (0, 1)]
    length = events["stopping"]["at_ns"] - events["started"]["origin_ns"]

    assert done.returncode == 0, done.stderr
    assert sum(map(len, rows)) == events["drained"]["rows"] == -(-length // 10_000_000)
    assert abs(len(rows[0]) - len(rows[1])) <= 2
    assert events["drained"]["unfinished"] == 0


def test_a_second_user_in_a_process_adds_nothing(tmp_path: Path, server: FaultyServer) -> None:
    """Five users in two processes, as when Locust moves users about: still the one schedule."""
    host = f"http://{server.address}:{server.port}"
    users = ["--users", "5", "--spawn-rate", "5"]
    (tmp_path / "five").mkdir()
    done = locust(tmp_path / "five", "--host", host, "--processes", "2", "--run-time", "3s", *users)
    events = journal(tmp_path / "five")
    length = events["stopping"]["at_ns"] - events["started"]["origin_ns"]

    assert done.returncode == 0, done.stderr
    assert events["drained"]["rows"] == -(-length // 10_000_000)


@pytest.mark.parametrize("processes", [(), ("--processes", "2")], ids=["alone", "shared"])
def test_a_host_that_is_none_ends_it_with_words_and_code_1(tmp_path: Path, processes: tuple[str, ...]) -> None:
    """No traceback, and no run that goes on without traffic."""
    done = locust(tmp_path, "--host", "ftp://nobody", "--run-time", "30s", *processes)

    assert done.returncode == 1
    assert "is no http:// or https:// address" in done.stderr
    assert "Traceback" not in done.stderr
