"""The traffic process that is forked off a server sends and records as one that begins in a fresh interpreter does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from harness.errors import HarnessError
from harness.kit.forkserver import ForkServers
from harness.kit.waiting import wait_until
from harness.model.attempt import Method, Outcome
from harness.model.experiment import Route, TrafficPlan
from harness.model.schedule import slots_until
from harness.store.ledger import read_ledger
from harness.traffic.calibration.server import FaultyServer
from harness.traffic.forked import TRAFFIC
from harness.traffic.plan import TrafficChildPlan
from harness.traffic.process import TrafficChild

pytestmark = pytest.mark.processes

PATIENCE = 250
PLAN = TrafficPlan(
    rate=200,
    routes=(Route("/fault/ok", ("ok",)), Route("/fault/fin-before", ("ok",))),
    methods=(Method.GET, Method.POST),
    timeout=PATIENCE,
)


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[FaultyServer]:
    """A faulty server as a process of its own."""
    with FaultyServer.start(tmp_path / "faulty") as running:
        yield running


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[ForkServers]:
    """The fork servers of a run."""
    with ForkServers(tmp_path / "servers") as running:
        yield running


def plan(faulty: FaultyServer, directory: Path) -> TrafficChildPlan:
    """Half of the slots are answered, half are dropped."""
    answers = {route.path: route.answers for route in PLAN.routes}
    return TrafficChildPlan(PLAN, answers, directory, calibration=(faulty.address, faulty.port))


def send(child: TrafficChild, faulty: FaultyServer, enough: int = 40) -> int:
    """Send until so many are answered, and drain; returns the length of the schedule in ns."""
    child.wait_ready(PATIENCE)
    origin = child.go(faulty.address, faulty.port)
    wait_until(lambda: child.counts().ok >= enough, timeout=PATIENCE, what="answers")
    stopped = child.stop()
    child.wait_drained(PATIENCE)
    return stopped - origin


def test_a_forked_sender_records_what_a_fresh_one_does(
    faulty: FaultyServer, servers: ForkServers, tmp_path: Path
) -> None:
    """The same files, the same calibration, one record for each planned slot, the same outcome for each path."""
    found = {}
    for name, given in (("fresh", None), ("forked", servers)):
        directory = tmp_path / name
        with TrafficChild.start(plan(faulty, directory), servers=given) as child:
            length = send(child, faulty)
        rows = read_ledger(directory / "ledger-0.npy")
        assert len(rows) == slots_until(PLAN, length)
        sent = rows[rows["outcome"] != Outcome.MISSED]
        by_route = {
            int(route): set(sent["outcome"][sent["route"] == route].tolist()) for route in np.unique(sent["route"])
        }
        record = json.loads((directory / "calibration-0.json").read_bytes())
        cases = [(case["name"], case["expected"], case["count"]) for case in record["faults"]]
        found[name] = (sorted(path.name for path in directory.iterdir()), by_route, cases)
        log = (directory / "locust.log").read_text(encoding="utf-8")
        assert "Starting Locust" in log
        assert "Warning" not in log

    assert found["forked"] == found["fresh"]
    assert found["forked"][1] == {0: {Outcome.OK}, 1: {Outcome.CLOSED}}


def test_senders_of_one_server_share_nothing(faulty: FaultyServer, servers: ForkServers, tmp_path: Path) -> None:
    """Two at once have tokens, ledgers and connections of their own, and the end of one does not reach the other."""
    with (
        TrafficChild.start(plan(faulty, tmp_path / "a"), servers=servers) as first,
        TrafficChild.start(plan(faulty, tmp_path / "b"), servers=servers) as second,
    ):
        second.wait_ready(PATIENCE)
        second.go(faulty.address, faulty.port)
        first.wait_ready(PATIENCE)
        os.kill(first._process.pid, signal.SIGKILL)
        before = second.counts().ok
        wait_until(lambda: second.counts().ok > before + 20, timeout=PATIENCE, what="answers of the other")
        with pytest.raises(HarnessError, match="ended by itself"):
            first.counts()
        second.stop()
        second.wait_drained(PATIENCE)
    tokens = [
        json.loads(line)["token"]
        for name in "ab"
        for line in (tmp_path / name / "traffic.jsonl").read_text().splitlines()
        if '"ready"' in line
    ]
    assert len(set(tokens)) == 2


def test_the_server_itself_has_one_thread_and_no_loop(
    faulty: FaultyServer, servers: ForkServers, tmp_path: Path
) -> None:
    """Also after it has forked; gevent's loop would show as an epoll descriptor."""
    with TrafficChild.start(plan(faulty, tmp_path / "a"), servers=servers) as child:
        send(child, faulty, enough=1)
    server = psutil.Process(servers.of(TRAFFIC).pid)
    links = [str(entry.readlink()) for entry in Path(f"/proc/{server.pid}/fd").iterdir()]

    assert server.num_threads() == 1
    assert not [link for link in links if "eventpoll" in link]


def test_a_sender_loses_its_server(faulty: FaultyServer, tmp_path: Path) -> None:
    """Sending without a server fails at once, with a reason; it never looks like traffic without requests."""
    with (
        ForkServers(tmp_path / "servers") as servers,
        TrafficChild.start(plan(faulty, tmp_path / "a"), servers=servers) as child,
    ):
        child.wait_ready(PATIENCE)
        child.go(faulty.address, faulty.port)
        os.kill(servers.of(TRAFFIC).pid, signal.SIGKILL)

        def says_so() -> bool:
            try:
                child.counts()
            except HarnessError as error:
                return "its fork server" in str(error)
            return False

        wait_until(says_so, timeout=PATIENCE, what="the error")


def test_a_locustfile_of_the_users_begins_fresh(servers: ForkServers, faulty: FaultyServer, tmp_path: Path) -> None:
    """Gevent must patch before anything that a user imports."""
    own = tmp_path / "locustfile.py"
    own.write_text("from harness.traffic.user import LosslessUser\nclass Mine(LosslessUser):\n    pass\n")
    with TrafficChild.start(plan(faulty, tmp_path / "a"), locustfile=own, servers=servers) as child:
        command = Path(f"/proc/{child._process.pid}/cmdline").read_bytes()
        child.wait_ready(PATIENCE)
    assert b"zygote" not in command


CAPTURED = """
import json, os, sys, warnings
os.environ["LOCUST_SKIP_MONKEY_PATCH"] = "1"
import harness.traffic.preloaded
from gevent import monkey
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    monkey.patch_all()
originals = {id(v): f"{m}.{k}" for m, items in monkey.saved.items() for k, v in items.items()
             if callable(v) and getattr(sys.modules.get(m), k, None) is not v}
print(json.dumps({
    name: sorted(originals[id(v)] for v in vars(module).values() if id(v) in originals)
    for name, module in sys.modules.items()
    if name.partition(".")[0] in ("locust", "harness", "requests", "urllib3", "geventhttpclient")
    and any(id(v) in originals for v in vars(module).values())
}))
"""

#: Module -> what it keeps from the time before gevent's patch. The connection does so on purpose (it calls
#: ``monkey.get_original``), and the session names a type. The rest belongs to Locust's HTTP users, which don't run.
KNOWN = {
    "harness.traffic.http.http1": ["select.poll", "socket.socket"],
    "harness.traffic.session": ["ssl.SSLContext"],
    "requests.packages.urllib3.connectionpool": ["queue.LifoQueue"],
    "requests.packages.urllib3.util": ["ssl.SSLContext"],
    "requests.packages.urllib3.util.ssl_": ["ssl.SSLContext"],
    "urllib3.connectionpool": ["queue.LifoQueue"],
    "urllib3.util": ["ssl.SSLContext"],
    "urllib3.util.ssl_": ["ssl.SSLContext"],
}


def test_functions_that_were_kept_before_the_patch_are_known() -> None:
    """A module of ours or of Locust's that keeps an unpatched function would block every greenlet when it waits."""
    shown = subprocess.run([sys.executable, "-c", CAPTURED], capture_output=True, text=True, check=True).stdout

    assert json.loads(shown) == KNOWN
