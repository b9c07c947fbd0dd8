"""Locustfiles under Locust's own command line: alone, in several processes, and with users that come and go."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from plain_locust import Done, locust

from harness.store.ledger import read_ledger
from harness.traffic.calibration.server import FaultyServer

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
#: A worker is not called missing for being slow: Locust's own 3 s are few where the machine does much else.
FILE = """
from locust import runners

from harness.model.experiment import Route, TrafficPlan
from harness.traffic.user import LosslessUser

runners.HEARTBEAT_LIVENESS = 100


class Mine(LosslessUser):
    traffic = TrafficPlan(rate=100, routes=(Route("/fault/ok", ("ok",)),), timeout=100.0)
"""


def shared(folder: Path, server: FaultyServer, *args: str) -> Done:
    """Run the file in a folder by two Locust workers, until each has sent its share of a second."""
    host = f"http://{server.address}:{server.port}"
    (folder / "mine.py").write_text(FILE)
    return locust(
        folder, "-f", "mine.py", "--host", host, "--processes", "2", *args, enough=lambda: min(lengths(folder)) >= 60
    )


def lengths(folder: Path) -> list[int]:
    """Return the number of rows that each of two workers has recorded."""
    found = [next(folder.glob(f"reports/locust-*/ledger-{number}.npy"), None) for number in (0, 1)]
    return [0 if path is None else len(read_ledger(path)) for path in found]


def journal(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the last event of each name in the only run's log."""
    (path,) = (folder / "reports").glob("locust-*/traffic.jsonl")
    return {event["event"]: event for event in map(json.loads, path.read_text().splitlines())}


def test_several_processes_share_the_rate_of_the_class(tmp_path: Path, server: FaultyServer) -> None:
    """Two workers of Locust's, as many users as they are: exactly the slots of one schedule, in two ledgers."""
    done = shared(tmp_path, server)
    events = journal(tmp_path)
    (folder,) = (tmp_path / "reports").iterdir()
    rows = [read_ledger(folder / f"ledger-{number}.npy") for number in (0, 1)]
    length = events["stopping"]["at_ns"] - events["started"]["origin_ns"]

    assert done.code == 0, done.err
    assert sum(map(len, rows)) == events["drained"]["rows"] == -(-length // 10_000_000)
    assert abs(len(rows[0]) - len(rows[1])) <= 2
    assert events["drained"]["unfinished"] == 0


def test_a_second_user_in_a_process_adds_nothing(tmp_path: Path, server: FaultyServer) -> None:
    """Five users in two processes, as when Locust moves users about: still the one schedule."""
    done = shared(tmp_path, server, "--users", "5", "--spawn-rate", "5")
    events = journal(tmp_path)
    length = events["stopping"]["at_ns"] - events["started"]["origin_ns"]

    assert done.code == 0, done.err
    assert events["drained"]["rows"] == -(-length // 10_000_000)


@pytest.mark.parametrize("processes", [(), ("--processes", "2")], ids=["alone", "shared"])
def test_an_invalid_host_ends_it_with_a_message_and_code_1(tmp_path: Path, processes: tuple[str, ...]) -> None:
    """No traceback, and no run that goes on without traffic."""
    (tmp_path / "mine.py").write_text(FILE)
    done = locust(tmp_path, "-f", "mine.py", "--host", "ftp://nobody", *processes)

    assert done.code == 1
    assert "is no http:// or https:// address" in done.err
    assert "Traceback" not in done.err


TAGGED = (
    FILE
    + """

from locust import task, tag, User, LoadTestShape


class Other(User):
    fixed_count = 1

    @tag("slow")
    @task
    def slow(self):
        pass

    @task
    def quick(self):
        pass

    def wait_time(self):
        return 0.1


class Two(LoadTestShape):
    def tick(self):
        return (2, 2) if self.get_run_time() < 3 else None
"""
)


@pytest.mark.parametrize("words", [(), ("--tags", "slow"), ("--exclude-tags", "slow")])
def test_tags_and_shapes_choose_among_other_users(tmp_path: Path, server: FaultyServer, words: tuple[str, ...]) -> None:
    """The traffic of a lossless user is never filtered out, and Locust logs no error when it stops this user."""
    (tmp_path / "mine.py").write_text(TAGGED)
    done = locust(tmp_path, "-f", "mine.py", "--host", f"http://{server.address}:{server.port}", *words)

    assert done.code == 0, done.err
    assert journal(tmp_path)["drained"]["rows"] >= 200
    assert "proper args" not in done.err
    assert "No tasks defined on Mine" not in done.err


def test_a_route_as_text_gives_a_message(tmp_path: Path, server: FaultyServer) -> None:
    """It says what to write, without a traceback."""
    (tmp_path / "mine.py").write_text(FILE.replace('(Route("/fault/ok", ("ok",)),)', '("/", "/cart")'))
    done = locust(tmp_path, "-f", "mine.py", "--host", f"http://{server.address}:{server.port}", "--run-time", "2s")

    assert done.code == 1
    assert "Write Route('/')." in done.err
    assert "Traceback" not in done.err


def test_a_further_task_is_refused(tmp_path: Path, server: FaultyServer) -> None:
    """Locust would choose it at random in place of the traffic, send nothing, and end with code 0."""
    further = "\n\n    @task(1000)\n    def further(self):\n        pass\n"
    (tmp_path / "mine.py").write_text(f"from locust import task\n{FILE.rstrip()}{further}")
    done = locust(tmp_path, "-f", "mine.py", "--host", f"http://{server.address}:{server.port}", "--run-time", "2s")

    assert done.code == 1
    assert "Mine has further tasks" in done.err
    assert "Traceback" not in done.err


def test_a_class_without_a_user_fails_the_run(tmp_path: Path, server: FaultyServer) -> None:
    """Traffic that never began lost nothing, which is no success."""
    idle = "\n\nclass Idle(Mine):\n    fixed_count = 0\n"
    (tmp_path / "mine.py").write_text(FILE + idle)
    done = locust(tmp_path, "-f", "mine.py", "--host", f"http://{server.address}:{server.port}", "--run-time", "1s")

    assert done.code == 1
    assert "Idle sent no request" in done.err


def test_workers_refuse_a_second_class(tmp_path: Path, server: FaultyServer) -> None:
    """They share the traffic of one class, so that of the other would be left out."""
    (tmp_path / "mine.py").write_text(f"{FILE}\n\nclass Second(Mine):\n    pass\n")
    host = f"http://{server.address}:{server.port}"
    done = locust(tmp_path, "-f", "mine.py", "--host", host, "--processes", "1")

    assert done.code == 1
    assert "not of Mine, Second" in done.err


def test_a_slow_import_takes_nothing_from_the_run_time(tmp_path: Path, server: FaultyServer) -> None:
    """The loop's clock stands still meanwhile, so that a run of 1 s would be over as soon as it begins."""
    busy = "import time\nend = time.monotonic() + 1.5\nwhile time.monotonic() < end:\n    pass\n"
    (tmp_path / "mine.py").write_text(FILE + busy)
    done = locust(tmp_path, "-f", "mine.py", "--host", f"http://{server.address}:{server.port}", "--run-time", "1s")
    begin, end = (
        datetime.fromisoformat(line[1:24])
        for line in done.err.splitlines()
        if "Run time limit set" in line or "limit reached" in line
    )

    assert (end - begin).total_seconds() > 0.9
