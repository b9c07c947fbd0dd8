"""The traffic process: Locust's command line, controlled by its parent, with a complete account in any case."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic_ns

import psutil
import pytest
from half_dropped import PATIENCE, TRAFFIC, plan
from plain_locust import locust

from harness.errors import HarnessError
from harness.kit.waiting import wait_until
from harness.model.attempt import Outcome
from harness.model.schedule import slots_until
from harness.store.ledger import read_connections, read_ledger
from harness.traffic.calibration.server import FaultyServer
from harness.traffic.plan import TrafficChildPlan, write_plan
from harness.traffic.process import TrafficChild

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]


def test_a_whole_trial_of_traffic_is_accounted_for(tmp_path: Path, server: FaultyServer) -> None:
    """Ready, go, growing counts, stop, drained; rows for exactly the planned slots; a calibration and a log."""
    with TrafficChild.start(plan(server, tmp_path)) as child:
        child.wait_ready(PATIENCE)
        origin = child.go(server.address, server.port)

        def enough() -> bool:
            counts = child.counts()
            return counts.ok >= 50 and counts.lost >= 40

        wait_until(enough, timeout=PATIENCE, what="answers and losses")
        assert child.answered("o?", origin)
        assert not child.answered("o?", monotonic_ns() + 10**12)
        assert not child.answered("no", origin)
        assert child.answered("o?", origin, "/fault/ok")
        assert not child.answered("o?", origin, "/fault/fin-before")
        stopped = child.stop()
        child.wait_drained(PATIENCE)
        counts = child.counts()
        lost = [child.lost(origin), child.lost(origin + 10**9), child.lost(stopped)]
    rows = read_ledger(tmp_path / "traffic" / "ledger-0.npy")
    outcomes = rows["outcome"].tolist()

    assert len(rows) == slots_until(TRAFFIC, stopped - origin)
    assert set(outcomes) <= {Outcome.OK, Outcome.CLOSED, Outcome.MISSED}
    assert (counts.ok, counts.lost) == (outcomes.count(Outcome.OK), outcomes.count(Outcome.CLOSED))
    assert counts.sent == counts.ok + counts.lost
    closed = rows["planned"][rows["outcome"] == Outcome.CLOSED]
    assert lost == [len(closed), (closed >= 10**9).sum(), 0]
    assert counts.last_loss == (Outcome.CLOSED, rows["done"][rows["outcome"] == Outcome.CLOSED].max())
    assert len(read_connections(tmp_path / "traffic" / "connections-0.npy")) > 0
    assert sorted(path.name for path in (tmp_path / "traffic").iterdir()) == [
        "calibration-0.json", "calibration-0.npy", "calibration-connections-0.npy", "connections-0.npy",
        "ledger-0.npy", "locust.log", "plan.json", "traffic.jsonl",
    ]  # fmt: skip


def test_leaving_the_context_drains(tmp_path: Path, server: FaultyServer) -> None:
    """A trial that fails half way does not turn what is in flight into unfinished attempts."""
    with TrafficChild.start(plan(server, tmp_path)) as child:
        child.wait_ready(PATIENCE)
        child.go(server.address, server.port)
        wait_until(lambda: child.counts().ok >= 10, timeout=PATIENCE, what="answers")
    events = {e["event"]: e for e in child._journal.events + child._journal.poll()}
    rows = read_ledger(tmp_path / "traffic" / "ledger-0.npy")

    assert events["drained"]["unfinished"] == 0
    assert len(rows) == slots_until(TRAFFIC, events["stopping"]["at_ns"] - events["started"]["origin_ns"])
    assert Outcome.UNFINISHED not in rows["outcome"]


def test_a_failed_calibration_is_reported(tmp_path: Path) -> None:
    """Nobody at the faulty server's address: the error names it, and is no log of Locust."""
    alone = TrafficChildPlan(traffic=TRAFFIC, answers={}, directory=tmp_path / "t", calibration=("127.0.0.1", 9))
    with TrafficChild.start(alone) as child, pytest.raises(HarnessError, match="The faulty server at"):
        child.wait_ready(PATIENCE)


def test_kill_9_of_the_traffic_process_leaves_every_attempt_readable(tmp_path: Path, server: FaultyServer) -> None:
    """The parent hears of it; the rows are a prefix of the schedule; what was in flight is unfinished."""
    with TrafficChild.start(plan(server, tmp_path)) as child:
        child.wait_ready(PATIENCE)
        child.go(server.address, server.port)
        wait_until(lambda: child.counts().ok >= 50, timeout=PATIENCE, what="answers")
        os.kill(child._process.pid, signal.SIGKILL)
        wait_until(lambda: not child._process.alive(), timeout=PATIENCE, what="its end")
        with pytest.raises(HarnessError, match="ended by itself"):
            child.counts()
        with pytest.raises(HarnessError):
            child.stop()
    rows = read_ledger(tmp_path / "traffic" / "ledger-0.npy")

    assert rows["number"].tolist() == list(range(len(rows)))
    assert (rows["outcome"] == Outcome.OK).sum() >= 50


def test_a_parent_that_dies_takes_its_traffic_with_it(tmp_path: Path, server: FaultyServer) -> None:
    """Kill -9 of the parent: no process is left, and the ledger is readable."""
    program = """
import sys, time
from pathlib import Path
from harness.traffic.process import TrafficChild
from harness.traffic.plan import read_plan
child = TrafficChild.start(read_plan(Path(sys.argv[1])))
child.wait_ready(250)
child.go(sys.argv[2], int(sys.argv[3]))
print(child._process.pid, flush=True)
time.sleep(100)
"""
    path = write_plan(plan(server, tmp_path))
    command = [sys.executable, "-c", program, str(path), server.address, str(server.port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        locust = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    psutil.wait_procs([locust], timeout=PATIENCE)

    assert not locust.is_running()
    assert len(read_ledger(tmp_path / "traffic" / "ledger-0.npy")) >= 0


def test_a_locustfile_that_fails_is_an_error_with_its_log(tmp_path: Path, server: FaultyServer) -> None:
    """The parent reports that the process ended, and shows the reason."""
    broken = tmp_path / "broken.py"
    broken.write_text("raise RuntimeError('my own mistake')\n")

    with (
        TrafficChild.start(plan(server, tmp_path), locustfile=broken) as child,
        pytest.raises(HarnessError, match="my own mistake"),
    ):
        child.wait_ready(PATIENCE)


def test_the_users_locustfile_runs_by_plain_locust(tmp_path: Path, server: FaultyServer) -> None:
    """``locustfiles/steady.py`` needs nothing of the harness but the import; SIGTERM drains it."""

    def has_sent() -> bool:
        ledger = next(tmp_path.glob("reports/*/ledger-0.npy"), None)
        return ledger is not None and Outcome.STATUS in read_ledger(ledger)["outcome"]

    file, host = str(ROOT / "locustfiles" / "steady.py"), f"http://{server.address}:{server.port}"
    done = locust(tmp_path, "-f", file, "--host", host, "--stop-timeout", "10", enough=has_sent)
    (directory,) = (tmp_path / "reports").iterdir()
    events = {e["event"]: e for e in map(json.loads, (directory / "traffic.jsonl").read_text().splitlines())}
    rows = read_ledger(directory / "ledger-0.npy")

    assert done.code == 1, "the server knows neither path, so Locust reports failures"
    assert events["drained"]["unfinished"] == 0
    assert set(rows["outcome"].tolist()) - {Outcome.MISSED} == {Outcome.STATUS}
    assert len(rows) == events["drained"]["slots"] > 0
