"""Several Locust processes that share one traffic, with a master."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
import pytest
from half_dropped import PATIENCE, TRAFFIC, plan

from harness.analysis.slots import account
from harness.errors import HarnessError
from harness.kit.waiting import wait_until
from harness.runner.recorded_traffic import RecordedTraffic
from harness.traffic.calibration.server import FaultyServer
from harness.traffic.plan import WorkerGroup
from harness.traffic.process import TrafficChild

pytestmark = pytest.mark.processes


def worker_pids(child: TrafficChild) -> dict[int, int]:
    """Return the process of each share, from the master's log."""
    return {e["worker"]: e["pid"] for e in child._journal.events if e["event"] == "joined"}


def test_two_workers_send_exactly_the_schedule(tmp_path: Path, server: FaultyServer) -> None:
    """Every planned slot has one row, in one of two ledgers; each worker is proved; counts are those of both."""
    with TrafficChild.start(plan(server, tmp_path, WorkerGroup(local=2))) as child:
        child.wait_ready(PATIENCE)
        origin = child.go(server.address, server.port)
        wait_until(lambda: child.counts().ok >= 100, timeout=PATIENCE, what="answers")
        assert child.answered("o?", origin)
        assert not child.answered("no", origin)
        stopped = child.stop()
        child.wait_drained(PATIENCE)
        counts = child.counts()
    recorded = RecordedTraffic.read(tmp_path / "traffic")
    rows, responders = recorded.attempts(begun=True)
    slots = account(TRAFFIC, rows, stopped - origin, workers=2)
    calibration = recorded.calibration()

    assert (slots.planned, slots.duplicates, slots.foreign) == (slots.present, 0, 0)
    assert counts.ok + counts.lost == counts.sent <= len(rows)
    assert set(rows["worker"]) == {0, 1}
    assert responders == {1: "ok"}
    assert recorded.damage == []
    assert calibration is not None
    assert all(case.is_exact for case in calibration.cases)


def test_a_killed_worker_is_named_at_once_and_the_other_one_drains(tmp_path: Path, server: FaultyServer) -> None:
    """Kill -9 of one: an error that names it; its slots are missing, the other's are not; no row is lost."""
    with TrafficChild.start(plan(server, tmp_path, WorkerGroup(local=2))) as child:
        child.wait_ready(PATIENCE)
        origin = child.go(server.address, server.port)
        wait_until(lambda: child.counts().ok >= 60, timeout=PATIENCE, what="answers")
        os.kill(worker_pids(child)[1], signal.SIGKILL)
        with pytest.raises(HarnessError, match=r"worker 1 \(.*\) was killed by SIGKILL"):
            wait_until(lambda: child.counts() is None, timeout=PATIENCE, what="the loss to be seen")
    recorded = RecordedTraffic.read(tmp_path / "traffic")
    rows, _ = recorded.attempts(begun=True)
    slots = account(TRAFFIC, rows, recorded.stopped_ns - origin, workers=2)
    mine = rows[rows["worker"] == 0]

    assert slots.planned - slots.present > 0
    assert (slots.duplicates, slots.foreign) == (0, 0)
    assert len(mine) == account(TRAFFIC, mine, recorded.stopped_ns - origin, workers=2).present
    assert any("worker 1" in fault for fault in recorded.faults())


def test_a_worker_that_stands_still_is_not_lost(tmp_path: Path, server: FaultyServer) -> None:
    """A busy machine may leave it without processor time for longer than Locust waits for a sign of life (4 s)."""
    with TrafficChild.start(plan(server, tmp_path, WorkerGroup(local=2))) as child:
        child.wait_ready(PATIENCE)
        child.go(server.address, server.port)
        wait_until(lambda: child.counts().ok >= 10, timeout=PATIENCE, what="answers")
        pid = worker_pids(child)[1]
        os.kill(pid, signal.SIGSTOP)
        time.sleep(6)  # not a wait for anything: it is the length of the pause
        os.kill(pid, signal.SIGCONT)
        before = child.counts().ok
        wait_until(lambda: child.counts().ok >= before + 20, timeout=PATIENCE, what="more answers")
        child.stop()
        child.wait_drained(PATIENCE)
    recorded = RecordedTraffic.read(tmp_path / "traffic")
    rows, _ = recorded.attempts(begun=True)

    assert list(recorded.faults()) == []
    assert set(rows["worker"]) == {0, 1}


def test_kill_9_of_the_master_leaves_no_process_and_every_ledger(tmp_path: Path, server: FaultyServer) -> None:
    """The workers go with it; what they recorded is readable."""
    with TrafficChild.start(plan(server, tmp_path, WorkerGroup(local=2))) as child:
        child.wait_ready(PATIENCE)
        child.go(server.address, server.port)
        wait_until(lambda: child.counts().ok >= 60, timeout=PATIENCE, what="answers")
        workers = [psutil.Process(pid) for pid in worker_pids(child).values()]
        os.kill(child._process.pid, signal.SIGKILL)
        with pytest.raises(HarnessError, match="ended by itself"):
            wait_until(lambda: child.counts() is None, timeout=PATIENCE, what="its end")
        psutil.wait_procs(workers, timeout=PATIENCE)
        assert not any(worker.is_running() for worker in workers)
    recorded = RecordedTraffic.read(tmp_path / "traffic")

    assert len(recorded.attempts(begun=True)[0]) >= 60
    assert recorded.damage == []


def test_workers_that_cannot_start_are_reported_with_their_output(tmp_path: Path, server: FaultyServer) -> None:
    """A locustfile that fails only in workers: the error names a worker, has its output, and comes soon."""
    broken = tmp_path / "broken.py"
    broken.write_text(
        "import os\nfrom harness.traffic.locustfile import *\n"
        "if 'HARNESS_TRAFFIC_WORKER' in os.environ:\n    raise RuntimeError('my own mistake')\n"
    )

    with (
        TrafficChild.start(plan(server, tmp_path, WorkerGroup(local=2)), locustfile=broken) as child,
        pytest.raises(HarnessError, match=r"(?s)worker \d ended with code 1.*my own mistake"),
    ):
        child.wait_ready(PATIENCE)
