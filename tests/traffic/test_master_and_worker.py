"""Master and workers over a channel of the test's own: one origin, one end, whole files, or whose fault it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from time import monotonic_ns
from typing import Any

import gevent
import pytest

from harness.errors import HarnessError
from harness.model.experiment import Route, TrafficPlan
from harness.store.ledger import ConnectionLedger, LedgerWriter
from harness.traffic.distributed import master as master_module
from harness.traffic.distributed import worker as worker_module
from harness.traffic.distributed.master import Master
from harness.traffic.distributed.messages import MessageKind
from harness.traffic.distributed.worker import Worker
from harness.traffic.distributed.worker_launch import WorkerSettings
from harness.traffic.event_log import EventLog, EventLogReader
from harness.traffic.plan import TrafficChildPlan, WorkerGroup
from harness.traffic.session import SessionCommands

#: The master's clock is ahead of the workers' by this, on the test's channel.
AHEAD = 7_000_000_000


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No long leads; every worker has a clock of its own."""
    monkeypatch.setattr(master_module, "_LEAD_NS", 1_000_000)
    monkeypatch.setattr(master_module, "_STOP_LEAD_NS", 1_000_000)
    clocks = iter(range(1000))
    monkeypatch.setattr(worker_module, "clock_identity", lambda: f"worker {next(clocks)}")


class FakeSession:
    """The session of a worker: records its begin and end by command, and one attempt."""

    def __init__(
        self, plan: TrafficChildPlan, commands: SessionCommands, heard: Callable[[Mapping[str, Any]], None]
    ) -> None:
        self.failure = ""
        self.plan = plan
        self.commands = commands
        self._journal = EventLog(plan.directory / plan.journal, heard)
        self._greenlet = gevent.spawn(self._run)

    def wait(self) -> None:
        """Until it has ended."""
        self._greenlet.join()

    def _run(self) -> None:
        worker, directory = self.plan.worker, self.plan.directory
        self._journal.record("ready")
        self.commands.go.wait()
        self._journal.record("started", origin_ns=self.commands.origin_ns)
        ledger = LedgerWriter(directory / f"ledger-{worker}.npy", origin_ns=0, worker=worker)
        ConnectionLedger(directory / f"connections-{worker}.npy", origin_ns=0, worker=worker).close()
        ledger.intent(0, 0, 0, 0, sent=1)  # type: ignore[arg-type]  # any method and shape
        self.commands.stop.wait()
        ledger.close()
        self._journal.record("stopping", at_ns=self.commands.stop_ns)
        self._journal.record("drained", rows=1, unfinished=0)
        self._journal.close()


class Network:
    """Carries messages between a master and workers, in order; a hook may change or drop them."""

    def __init__(self, directory: Path, crew: WorkerGroup) -> None:
        self.directory = directory
        self.commands = SessionCommands()
        self.trouble: dict[int, str] = {}
        self.workers: dict[str, Worker] = {}
        self.sessions: dict[str, FakeSession] = {}
        self.change: Callable[[str, dict[str, Any]], dict[str, Any] | None] = lambda _kind, data: data
        self._queue: deque[tuple[str, str, dict[str, Any]]] = deque()
        plan = TrafficChildPlan(TrafficPlan(10, (Route("/"),)), {}, directory / "home", crew=crew)
        self.master = Master(self, plan, self.commands, reason_lost=lambda _c, number: self.trouble.get(number, ""))
        self.leading = gevent.spawn(self.master.lead)
        self._carrying = gevent.spawn(self._carry)

    def join(self, name: str) -> None:
        """A worker joins, with files of its own."""
        settings = WorkerSettings(apart=True, directory=self.directory / name)
        worker = Worker(_Line(self, name), settings, run=lambda *given: self._run(name, *given))
        self.workers[name] = worker
        gevent.spawn(worker.work)

    def _run(self, name: str, plan: TrafficChildPlan, commands: SessionCommands, heard: Any) -> Any:
        self.sessions[name] = FakeSession(plan, commands, heard)
        return self.sessions[name]

    def send_message(self, msg_type: str, data: dict[str, Any] | None = None, client_id: str | None = None) -> None:
        """From the master."""
        self.put(msg_type, data or {}, client_id or "")

    def put(self, kind: str, data: dict[str, Any], to: str, sender: str = "") -> None:
        """On its way, unless the hook drops it."""
        changed = self.change(kind, dict(data))
        if changed is not None:
            self._queue.append((kind, to or f"from {sender}", changed))

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the events of the master's log."""
        reader = EventLogReader(self.directory / "home" / "traffic.jsonl")
        reader.poll()
        return [event for event in reader.events if event["event"] == name]

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Let greenlets run until something has happened."""
        with gevent.Timeout(60, HarnessError(f"waited without success for {what}")):
            while not condition():
                gevent.sleep(0.005)

    def go_and_stop(self) -> None:
        """Wait for the workers, and command the start and the end of the traffic."""
        self.wait(lambda: self.events("ready"), "all to be ready")
        self.commands.begin("127.0.0.1", 80)
        self.wait(lambda: self.events("started"), "the origin")
        self.commands.end()

    def end(self) -> None:
        """Wait for the master's end."""
        self.wait(lambda: self.leading.dead, "the master to end")
        self._carrying.kill()

    def _carry(self) -> None:
        while True:
            while self._queue:
                kind, to, data = self._queue.popleft()
                if to.startswith("from "):
                    self.master.listeners()[kind](to.removeprefix("from "), data)
                elif to in self.workers:
                    self.workers[to].listeners()[kind](data)
            gevent.sleep(0.001)


class _Line:
    """A worker's end of the channel."""

    def __init__(self, network: Network, name: str) -> None:
        self._network = network
        self._name = name

    def send_message(self, msg_type: str, data: dict[str, Any] | None = None, client_id: str | None = None) -> None:
        """To the master."""
        self._network.put(msg_type, data or {}, "", self._name)


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    """Two workers are expected; the master's clock is ahead of theirs."""
    made = Network(tmp_path, WorkerGroup(local=0, remote=2))
    made.change = ahead
    yield made
    gevent.killall([made.leading, made._carrying])


def ahead(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    """The master's times are ``AHEAD`` of the workers'."""
    for name in ("at_ns", "origin_ns"):
        if kind in {MessageKind.PONG, MessageKind.GO, MessageKind.STOP} and data.get(name):
            data[name] += AHEAD
    return data


def test_one_origin_and_one_end_whatever_the_clocks_say(network: Network) -> None:
    """Both begin and end at the master's times, by their own clocks; all files come home; the sum is right."""
    network.join("a")
    network.join("b")
    network.go_and_stop()
    network.end()
    (started,), (stopping,), (drained,) = (network.events(name) for name in ("started", "stopping", "drained"))
    error = max(event["error_ns"] for event in network.events("clock"))

    for session in network.sessions.values():
        assert abs(session.commands.origin_ns - started["origin_ns"]) <= error
        assert abs(session.commands.stop_ns - stopping["at_ns"]) <= error
    assert all(abs(event["offset_ns"] - AHEAD) <= event["error_ns"] for event in network.events("clock"))
    assert (drained["rows"], network.master.failure) == (2, "")
    assert [event["wrong"] for event in network.events("home")] == [0, 0]
    for number, name in enumerate(("a", "b")):
        for kind in ("ledger-{}.npy", "connections-{}.npy", "traffic-{}.jsonl"):
            there, here = (network.directory / folder / kind.format(number) for folder in (name, "home"))
            assert there.read_bytes() == here.read_bytes()


def test_a_piece_spoilt_in_transit_is_sent_again(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checksum catches the flipped bit of the first piece; the second sending is right."""
    monkeypatch.setattr("harness.traffic.distributed.file_sync.RESEND", 0.05)
    spoilt: list[int] = []

    def change(kind: str, data: dict[str, Any]) -> dict[str, Any]:
        if kind == MessageKind.PIECE and data["kind"] == "ledger" and not spoilt:
            spoilt.append(data["worker"])
            data["data"] = data["data"][:8] + bytes([data["data"][8] ^ 1]) + data["data"][9:]
        return ahead(kind, data)

    network.change = change
    network.join("a")
    network.join("b")
    network.go_and_stop()
    network.end()

    assert {event["worker"]: event["spoilt"] for event in network.events("home")}[spoilt[0]] == 1
    assert network.master.failure == ""


def test_files_that_differ_in_the_end_are_a_fault(network: Network) -> None:
    """A ledger changed after its pieces were checked: the digest of the whole file shows it, on both sides."""

    def change(kind: str, data: dict[str, Any]) -> dict[str, Any]:
        if kind == MessageKind.WHOLE and data["worker"] == 0:
            data["files"] = data["files"] | {"ledger": (data["files"]["ledger"][0], "0" * 64)}
        return ahead(kind, data)

    network.change = change
    network.join("a")
    network.join("b")
    network.go_and_stop()
    network.end()
    network.wait(lambda: any(worker.failure for worker in network.workers.values()), "the worker to hear of it")

    assert "ledger-0.npy" in network.events("fault")[0]["text"]
    assert network.events("fault")[0]["what"] == "not-home"
    assert [worker.failure for worker in network.workers.values() if worker.failure] == [
        "These files differ between worker and master: ledger-0.npy."
    ]


def test_a_clock_that_jumps_stops_it_before_it_begins(network: Network) -> None:
    """A worker whose master's times contradict each other reports it, and nothing is sent."""
    jumps = iter(range(0, 10**12, 10**9))

    def change(kind: str, data: dict[str, Any]) -> dict[str, Any]:
        if kind == MessageKind.PONG:
            data["at_ns"] += next(jumps)
        return data

    network.change = change
    network.join("a")
    network.end()

    assert "contradict each other" in network.master.failure
    assert network.sessions == {}
    assert network.events("ready") == []


def test_a_lost_worker_is_named_and_the_others_go_on(network: Network) -> None:
    """Its share is missing in the sum, the fault names it, and the rest drains and arrives."""
    network.join("a")
    network.join("b")
    network.wait(lambda: network.events("ready"), "all to be ready")
    network.commands.begin("127.0.0.1", 80)
    network.wait(lambda: network.events("started"), "the origin")
    network.trouble[1] = "was killed by SIGKILL"
    network.wait(lambda: network.events("fault"), "the loss to be seen")
    network.commands.end()
    network.end()
    (fault,) = network.events("fault")

    assert (fault["what"], fault["worker"]) == ("worker-lost", 1)
    assert "worker 1" in fault["text"]
    assert "was killed by SIGKILL" in fault["text"]
    assert network.events("drained")[0]["rows"] == 1


def test_one_that_stops_by_itself_is_lost(network: Network) -> None:
    """A worker that somebody stops half way has sent less than its share, though it ends in order."""
    network.join("a")
    network.join("b")
    network.wait(lambda: network.events("ready"), "all to be ready")
    network.commands.begin("127.0.0.1", 80)
    network.wait(lambda: network.events("started"), "the origin")
    network.workers["a"].leave()
    network.wait(lambda: network.events("fault"), "the loss to be seen")

    assert "stopped before the command to stop" in network.events("fault")[0]["text"]


def test_one_too_many_is_refused_with_a_reason(network: Network) -> None:
    """The third of two has no share, and the two are not disturbed."""
    for name in ("a", "b", "c"):
        network.join(name)
    network.go_and_stop()
    network.end()

    assert "nobody else is expected" in network.workers["c"].failure
    assert network.events("drained")[0]["rows"] == 2


def test_a_worker_without_a_master_stops_sending(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unobserved traffic ends, and the worker has the reason."""
    monkeypatch.setattr(worker_module, "MASTER_SECONDS", 0.2)
    network.join("a")
    network.join("b")
    network.wait(lambda: len(network.sessions) == 2, "both to run")
    network.wait(lambda: all(s.commands.stop.is_set() for s in network.sessions.values()), "them to stop")

    assert "no sign of life" in network.workers["a"].failure


def test_a_stop_before_it_begins_sends_nothing(network: Network) -> None:
    """As when bringing the cluster up fails meanwhile."""
    network.join("a")
    network.wait(lambda: network.sessions, "one to run")
    network.commands.end()
    network.wait(network.sessions["a"].commands.stop.is_set, "the worker to hear of it")
    network.end()

    assert network.events("started") == []


def test_the_schedules_own_end_is_not_exceeded(network: Network) -> None:
    """Traffic with a length ends after it, however late the stop comes."""
    network.join("a")
    network.join("b")
    network.wait(lambda: network.events("ready"), "all to be ready")
    network.commands.begin("127.0.0.1", 80, seconds=0.05)
    network.wait(lambda: network.events("started"), "the origin")
    origin = network.events("started")[0]["origin_ns"]
    network.wait(lambda: monotonic_ns() > origin + 100_000_000, "its length to pass")
    network.commands.end()
    network.end()

    assert network.events("stopping")[0]["at_ns"] == origin + 50_000_000


def test_a_worker_with_its_own_disk_gets_the_certificates(network: Network, tmp_path: Path) -> None:
    """The file with the authorities is on the master's disk; its content is sent with the plan."""
    worker = Worker(_Line(network, "x"), WorkerSettings(apart=True, directory=tmp_path), run=lambda *_: None)  # type: ignore[arg-type]  # never run
    plan = {
        "traffic": {"rate": 1, "routes": [{"path": "/"}], "tls": {"ca": "/there/ca.pem"}},
        "answers": {},
        "directory": "/there",
    }
    made = worker._plan_of({"plan": plan, "authorities": "PEM", "clock": ""})

    assert made.traffic.tls is not None
    assert Path(made.traffic.tls.ca).read_text() == "PEM"
    assert made.directory == tmp_path
    assert replace(made, directory=Path("/there")).calibration is None
