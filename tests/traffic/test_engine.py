"""The open loop keeps its schedule whatever the server does, and reports it when it cannot."""

from __future__ import annotations

import errno
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic_ns
from typing import Any, cast

import gevent
import gevent.event
import pytest
from gevent.server import StreamServer

from harness.model.attempt import Method, Outcome
from harness.model.experiment import Pool, Route, TrafficPlan
from harness.model.schedule import planned_ns, slots_until, streams
from harness.model.shapes import Shape
from harness.store import ledger as ledger_module
from harness.store.ledger import read_connections, read_ledger
from harness.traffic import engine as engine_module
from harness.traffic.engine import Engine
from harness.traffic.event_log import EventLog, EventLogReader
from harness.traffic.http.client import Client
from harness.traffic.plan import TrafficChildPlan, read_plan, write_plan
from harness.traffic.session import Session, SessionCommands, host_header

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ROUTES = (Route("/a", ("ok",)), Route("/b"))
#: Seconds; more than anything takes here, however busy the machine is.
PATIENCE = 60


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[Any, Any], None]], int]]:
    """Starts servers in this process; each gives its port."""
    servers: list[StreamServer] = []

    def start(handler: Callable[[Any, Any], None]) -> int:
        server = StreamServer(("127.0.0.1", 0), handler)
        server.start()
        servers.append(server)
        port: int = server.server_port
        return port

    yield start
    for server in servers:
        server.stop(timeout=0)
    gevent.sleep(0)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that are not about lateness: no slot is missed, however starved the machine is."""
    monkeypatch.setattr(engine_module, "TOLERANCE_NS", 10**11)


def always_ok(connection: Any, _address: Any) -> None:
    """Answer every request."""
    while connection.recv(65536):
        connection.sendall(OK)


def until(condition: Callable[[], object]) -> None:
    """Let the loop run until a condition holds."""
    with gevent.Timeout(PATIENCE):
        while not condition():
            gevent.sleep(0.005)


def run(
    directory: Path,
    traffic: TrafficPlan,
    port: int,
    seconds: float,
    *,
    before: Callable[[], None] = lambda: None,
    after: Callable[[], None] = lambda: None,
) -> Any:
    """Send a plan's traffic for some time, with something done before and after the planning is stopped.

    Returns:
        (rows, events by name).
    """
    commands = SessionCommands()
    answers = {route.path: route.answers for route in traffic.routes}
    session = Session(TrafficChildPlan(traffic=traffic, answers=answers, directory=directory, token="t"), commands)
    worker = gevent.spawn(session.run)
    commands.begin("127.0.0.1", port)
    until(lambda: session.origin_ns and monotonic_ns() >= session.origin_ns + seconds * 1e9)
    before()
    commands.end()
    reader = EventLogReader(directory / "traffic.jsonl")
    until(lambda: reader.find("stopping") or worker.dead)
    after()
    worker.join(timeout=PATIENCE)
    assert worker.successful()
    reader.poll()
    return read_ledger(directory / "ledger-0.npy"), {event["event"]: event for event in reader.events}


def planned_by_the_judge(traffic: TrafficPlan, events: Any) -> int:
    """Slots between origin and stop, as judging counts them."""
    return slots_until(traffic, events["stopping"]["at_ns"] - events["started"]["origin_ns"])


class RecordedSlots:
    """A substitute for a client, which answers everything at once and keeps what it gets."""

    in_flight = 0

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.missed: list[int] = []
        self.standstills: list[tuple[int, int]] = []

    def begin(self, planned: int, index: int) -> int:
        """Keep the planned time of an attempt."""
        self.begun.append(planned)
        return index

    def miss(self, planned: int, index: int) -> None:
        """Keep the planned time of a missed slot."""
        assert index >= 0
        self.missed.append(planned)

    def stood_still(self, since: int, until: int) -> None:
        """Keep a standstill."""
        self.standstills.append((since, until))


def test_a_standstill_is_reported_and_costs_a_slot(tmp_path: Path) -> None:
    """Timeouts leave it out, so no traffic in which there was one may look complete."""
    client, origin = RecordedSlots(), monotonic_ns()
    with closing(EventLog(tmp_path / "traffic.jsonl")) as journal:
        plan = TrafficPlan(rate=100, routes=ROUTES)
        engine = Engine(plan, cast(Client, client), journal, origin_ns=origin)
        engine.start()
        until(lambda: client.begun)
        time.sleep(0.4)  # not a wait for anything: this process does not run
        until(lambda: client.standstills)
        engine.stop()

    assert all(end - since > engine_module.TOLERANCE_NS for since, end in client.standstills)
    for since, end in client.standstills:
        assert [planned for planned in client.missed if origin + planned <= end - engine_module.TOLERANCE_NS], since
    assert len(client.missed) >= len(client.standstills)


def test_a_standstill_while_a_slot_is_sent_is_reported_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A timeout could expire before the engine's next turn, and the slot after this one is missed."""
    origin, second = 1_000_000_000_000, 1_000_000_000
    now = [origin]

    class Stalled(RecordedSlots):
        def begin(self, planned: int, index: int) -> int:
            now[0] += 3 * second
            return super().begin(planned, index)

    client = Stalled()
    monkeypatch.setattr(engine_module, "monotonic_ns", lambda: now[0])
    with closing(EventLog(tmp_path / "traffic.jsonl")) as journal:
        engine = Engine(TrafficPlan(rate=1, routes=ROUTES), cast(Client, client), journal, origin_ns=origin)
        engine.start()
        reported = list(client.standstills)
        now[0] += second // 10
        engine.stop()

    assert reported == [(origin + second, origin + 3 * second)]
    assert client.standstills == reported
    assert (client.begun, client.missed) == ([0, 3 * second], [second, 2 * second])


def test_no_time_after_the_end_of_the_schedule_is_a_standstill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No slot is missed then, so nothing would show that an answer had more than its time."""
    client, origin, second = RecordedSlots(), 1_000_000_000_000, 1_000_000_000
    now = [origin]
    monkeypatch.setattr(engine_module, "monotonic_ns", lambda: now[0])
    with closing(EventLog(tmp_path / "traffic.jsonl")) as journal:
        engine = Engine(TrafficPlan(rate=1, routes=ROUTES), cast(Client, client), journal, origin_ns=origin)
        engine.start()
        engine.end_at(origin + second // 2)
        now[0] += 5 * second
        stopped = engine.stop()

    assert stopped == origin + second // 2
    assert (client.begun, client.missed, client.standstills) == ([0], [], [])


@pytest.mark.usefixtures("patient")
def test_every_slot_has_one_row_in_its_stream(tmp_path: Path, serve: Callable[..., int]) -> None:
    """Sender and judge count the same slots; each row has its slot's planned time, route, method and shape."""
    traffic = TrafficPlan(
        rate=400, routes=ROUTES, methods=(Method.GET, Method.POST), pool=Pool(size=8), timeout=PATIENCE
    )
    rows, events = run(tmp_path, traffic, serve(always_ok), 0.3)
    kinds = streams(traffic)

    assert len(rows) == planned_by_the_judge(traffic, events) > 100
    assert rows["number"].tolist() == list(range(len(rows)))
    assert rows["planned"].tolist() == [planned_ns(traffic, slot) for slot in range(len(rows))]
    for slot, row in enumerate(rows):
        kind = kinds[slot % len(kinds)]
        assert (row["route"], row["method"], row["shape"]) == (kind.route, kind.method, kind.shape)
    assert set(rows["outcome"].tolist()) == {Outcome.OK}


@pytest.mark.usefixtures("patient")
def test_a_schedule_with_an_end_plans_nothing_beyond_it(tmp_path: Path, serve: Callable[..., int]) -> None:
    """However late the command to stop comes, the slots are those of the length that was asked for, to the last."""
    commands = SessionCommands()
    traffic = TrafficPlan(rate=100, routes=ROUTES, timeout=PATIENCE)
    session = Session(TrafficChildPlan(traffic=traffic, answers={}, directory=tmp_path, token="t"), commands)
    worker = gevent.spawn(session.run)
    commands.begin("127.0.0.1", serve(always_ok), 0.25)
    until(lambda: session.origin_ns and monotonic_ns() >= session.origin_ns + 400_000_000)
    commands.end()
    worker.join(timeout=PATIENCE)
    stopping = EventLogReader(tmp_path / "traffic.jsonl").find("stopping")

    assert len(read_ledger(tmp_path / "ledger-0.npy")) == 25
    assert stopping is not None
    assert stopping["at_ns"] == session.origin_ns + 250_000_000


def test_a_stalled_server_does_not_slow_the_schedule(tmp_path: Path, serve: Callable[..., int]) -> None:
    """While nothing is answered, slots are sent all the same, none before its time, and each is accounted for."""
    held: list[bytes] = []
    answers = gevent.event.Event()

    def stall(connection: Any, _address: Any) -> None:
        held.append(connection.recv(65536))
        answers.wait()
        connection.sendall(OK)

    def none_is_answered() -> None:
        until(lambda: len(held) >= 90)
        outcomes = read_ledger(tmp_path / "ledger-0.npy")["outcome"].tolist()
        assert set(outcomes) <= {Outcome.UNFINISHED, Outcome.MISSED}

    traffic = TrafficPlan(rate=200, routes=ROUTES, timeout=PATIENCE)
    rows, events = run(tmp_path, traffic, serve(stall), 0.5, before=none_is_answered, after=answers.set)
    sent = rows[rows["outcome"] != Outcome.MISSED]

    assert len(rows) == planned_by_the_judge(traffic, events) >= 90
    assert set(sent["outcome"].tolist()) == {Outcome.OK}
    assert (sent["sent"] >= sent["planned"]).all()


@pytest.mark.processes
def test_slots_that_come_too_late_are_missed_and_not_sent(tmp_path: Path, serve: Callable[..., int]) -> None:
    """A generator that was held up counts the slots of that time as missed, then is back on its schedule."""
    traffic = TrafficPlan(rate=100, routes=ROUTES, timeout=PATIENCE)

    def hold_up() -> None:
        # The whole process stands still, as on a starved machine.
        os.posix_spawnp("sleep", ["sleep", "0.6"], os.environ)
        os.wait()
        until(is_back)

    def is_back() -> bool:
        so_far = read_ledger(tmp_path / "ledger-0.npy")
        missed, answered = (so_far["number"][so_far["outcome"] == kind] for kind in (Outcome.MISSED, Outcome.OK))
        return bool(len(missed) and len(answered) and answered.max() > missed.min())

    rows, events = run(tmp_path, traffic, serve(always_ok), 0.1, before=hold_up)
    missed = rows[rows["outcome"] == Outcome.MISSED]

    assert len(rows) == planned_by_the_judge(traffic, events)
    assert len(missed) >= 25
    assert (missed["sent"] == -1).all()
    assert set(rows["outcome"].tolist()) == {Outcome.OK, Outcome.MISSED}


def test_the_concurrency_limit_is_kept_and_what_it_holds_back_is_missed(
    tmp_path: Path, serve: Callable[..., int]
) -> None:
    """No more than the limit is in flight; slots beyond it wait for the tolerance and no longer."""
    held: list[bytes] = []
    answers = gevent.event.Event()

    def hang(connection: Any, _address: Any) -> None:
        held.append(connection.recv(65536))
        answers.wait()
        connection.sendall(OK)

    traffic = TrafficPlan(rate=100, routes=ROUTES, timeout=PATIENCE, concurrency=3)
    rows, events = run(
        tmp_path, traffic, serve(hang), 0.5, before=lambda: until(lambda: len(held) == 3), after=answers.set
    )
    counts = Counter(rows["outcome"].tolist())

    assert len(held) == 3
    assert counts == {Outcome.OK: 3, Outcome.MISSED: planned_by_the_judge(traffic, events) - 3}


@pytest.mark.usefixtures("patient")
def test_a_full_disk_stops_the_planning_and_is_reported(
    tmp_path: Path, serve: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records stay; slots from then on have no row, so judging sees them as abandoned."""
    monkeypatch.setattr(ledger_module.LedgerWriter.__init__, "__kwdefaults__", {"worker": 0, "chunk": 20})
    allocate = os.posix_fallocate
    calls: list[int] = []

    def fill_up(fd: int, offset: int, size: int) -> None:
        calls.append(size)
        if size == 20 * 80 and calls.count(size) > 1:
            raise OSError(errno.ENOSPC, "full")
        allocate(fd, offset, size)

    monkeypatch.setattr(os, "posix_fallocate", fill_up)
    traffic = TrafficPlan(rate=200, routes=ROUTES, timeout=PATIENCE)
    rows, events = run(tmp_path, traffic, serve(always_ok), 0.3)

    assert rows["outcome"].tolist() == [Outcome.OK] * 20
    assert events["fault"]["what"] == "ledger-full"
    assert "No room on disk" in events["fault"]["text"]
    assert events["drained"]["slots"] == 20 < planned_by_the_judge(traffic, events)


@pytest.mark.usefixtures("patient")
def test_a_bug_in_the_sender_is_a_fault_and_not_the_end_of_the_schedule(
    tmp_path: Path, serve: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Judging still counts every slot until the stop; those that have no record are abandoned."""
    begin, start, started = Client.begin, Engine.start, gevent.event.Event()
    reader = EventLogReader(tmp_path / "traffic.jsonl")

    def note_start(self: Engine) -> None:
        # On a busy machine many slots are due at once when it begins, and an error there ends the session.
        start(self)
        started.set()

    def fail_from_ten(self: Client, planned: int, index: int) -> int:
        if started.is_set() and self._ledger.used >= 10:
            raise RuntimeError("bug")
        return begin(self, planned, index)

    monkeypatch.setattr(Engine, "start", note_start)
    monkeypatch.setattr(Client, "begin", fail_from_ten)
    monkeypatch.setattr(gevent.get_hub(), "handle_error", lambda *_: None)
    traffic = TrafficPlan(rate=200, routes=ROUTES, timeout=PATIENCE)
    rows, events = run(tmp_path, traffic, serve(always_ok), 0.2, before=lambda: until(lambda: reader.find("fault")))

    assert (events["fault"]["what"], events["fault"]["text"]) == ("failed", "RuntimeError: bug")
    assert 10 <= len(rows) < planned_by_the_judge(traffic, events)


@pytest.mark.usefixtures("patient")
def test_connections_are_all_accounted_for(tmp_path: Path, serve: Callable[..., int]) -> None:
    """Every attempt's connection is in the connection ledger, closed by us at the end, with its requests counted."""
    traffic = TrafficPlan(rate=200, routes=ROUTES, shapes=(Shape.REUSED,), pool=Pool(size=4), timeout=PATIENCE)
    rows, _ = run(tmp_path, traffic, serve(always_ok), 0.2)
    opened = read_connections(tmp_path / "connections-0.npy")
    carried = Counter(rows["connection"].tolist())

    assert {int(c["number"]): int(c["requests"]) for c in opened} == carried
    assert len(opened) >= 4
    assert (opened["closed"] >= opened["connected"]).all()


@pytest.mark.usefixtures("patient")
def test_responders_are_announced_before_their_number_is_used(tmp_path: Path, serve: Callable[..., int]) -> None:
    """Each different body has a number in the rows and its text in the journal."""
    traffic = TrafficPlan(rate=100, routes=ROUTES, timeout=PATIENCE)
    rows, events = run(tmp_path, traffic, serve(always_ok), 0.1)

    assert (events["responder"]["number"], events["responder"]["text"]) == (1, "ok")
    assert set(rows["responder"].tolist()) == {1}


def test_a_stop_before_the_start_sends_nothing(tmp_path: Path) -> None:
    """A process that is stopped while it waits has nothing to account for."""
    commands = SessionCommands()
    traffic = TrafficPlan(rate=100, routes=ROUTES, timeout=PATIENCE)
    commands.end()
    Session(TrafficChildPlan(traffic=traffic, answers={}, directory=tmp_path), commands).run()

    assert sorted(path.name for path in tmp_path.iterdir()) == ["traffic.jsonl"]


def test_commands_come_as_lines_and_the_end_of_the_pipe_means_stop() -> None:
    """Lines may arrive in pieces; no stop command is needed."""
    ours, theirs = os.pipe()
    commands = SessionCommands()
    follower = gevent.spawn(commands.follow, ours)
    line = json.dumps({"go": {"address": "127.0.0.1", "port": 80}}).encode() + b"\n"
    os.write(theirs, line[:9])
    gevent.sleep(0.01)
    # A line that is not whole is no order, whenever it is looked at.
    assert not commands.go.is_set()
    os.write(theirs, line[9:])
    assert commands.go.wait(PATIENCE)
    assert not commands.stop.is_set()
    os.close(theirs)

    assert commands.stop.wait(PATIENCE)
    assert (commands.address, commands.port) == ("127.0.0.1", 80)
    follower.join()
    os.close(ours)


def test_a_full_disk_can_still_be_logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The event log has reserved disk space for its last events."""
    journal = EventLog(tmp_path / "traffic.jsonl")
    reserve = tmp_path / ".traffic.jsonl.reserve"
    write = os.write

    def full_while_reserved(fd: int, data: bytes) -> int:
        if reserve.exists():
            raise OSError(errno.ENOSPC, "full")
        return write(fd, data)

    assert reserve.stat().st_blocks > 0
    monkeypatch.setattr(os, "write", full_while_reserved)
    journal.record("fault", what="x")
    journal.close()

    assert json.loads((tmp_path / "traffic.jsonl").read_text())["what"] == "x"
    assert [path.name for path in tmp_path.iterdir()] == ["traffic.jsonl"]


def test_a_plan_survives_its_file(tmp_path: Path) -> None:
    """The child reads the plan that the parent wrote."""
    plan = TrafficChildPlan(
        traffic=TrafficPlan(rate=12.5, routes=ROUTES, methods=(Method.POST,), pool=Pool(7, "lifo", look=False)),
        answers={"/a": ("ok", "new*"), "/b": ()},
        directory=tmp_path,
        calibration=("127.0.0.1", 80),
    )

    assert read_plan(write_plan(plan)) == plan


@pytest.mark.parametrize(
    ("address", "port", "host"), [("h", 80, "h"), ("127.0.0.1", 8080, "127.0.0.1:8080"), ("::1", 80, "[::1]")]
)
def test_the_host_header_names_the_entry(address: str, port: int, host: str) -> None:
    """As HTTP asks for it: the port only where it is not the scheme's own."""
    assert host_header(address, port) == host
