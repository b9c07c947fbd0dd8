"""The slots are those of the schedule, each with its time, whatever the server does and however the traffic ends."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import monotonic_ns
from typing import Any

import gevent
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.analysis.outages import find_outages
from harness.analysis.planned import planner, slots_until
from harness.model.attempt import Outcome
from harness.model.experiment import Pool, Route, TrafficPlan
from harness.model.rates import Leg
from harness.model.schedule import schedule_of, streams
from harness.model.shapes import Shape
from harness.model.share import Share
from harness.store.ledger import read_ledger
from harness.traffic import engine as engine_module
from harness.traffic import session as session_module
from harness.traffic.engine import Engine
from harness.traffic.event_log import EventLog, EventLogReader
from harness.traffic.plan import TrafficChildPlan
from harness.traffic.session import Session, SessionCommands

NS = 1_000_000_000
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ROUTES = (Route("/a"), Route("/b"))
RATES = st.one_of(
    st.floats(20, 800),
    st.lists(st.builds(Leg, st.floats(20, 800), st.floats(20, 800), st.floats(0.02, 0.2)), min_size=1, max_size=3).map(
        tuple
    ),
)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Miss no slot for lateness, however starved the machine is."""
    monkeypatch.setattr(engine_module, "TOLERANCE_NS", 10**11)


class Notes:
    """Records the attempts that a client would make."""

    def __init__(self) -> None:
        self.begun: list[tuple[int, int]] = []
        self.missed: list[tuple[int, int]] = []
        self.in_flight = 0

    def begin(self, planned: int, index: int) -> None:
        """An attempt."""
        self.begun.append((planned, index))

    def miss(self, planned: int, index: int) -> None:
        """A missed slot."""
        self.missed.append((planned, index))


class LocustSession:
    """A session that runs in this process."""

    def __init__(self, directory: Path, traffic: TrafficPlan, port: int) -> None:
        self.traffic = traffic
        self.directory = directory
        self.commands = SessionCommands()
        self.session = Session(TrafficChildPlan(traffic=traffic, answers={}, directory=directory), self.commands)
        self.greenlet = gevent.spawn(self.session.run)
        self.commands.begin("127.0.0.1", port)

    def until(self, seconds: float) -> None:
        """Let it run until so long after its origin."""
        self.when(lambda: self.session.origin_ns and monotonic_ns() >= self.session.origin_ns + seconds * NS)

    def when(self, condition: Callable[[], object]) -> None:
        """Let it run until a condition holds."""
        with gevent.Timeout(60):
            while not condition():
                gevent.sleep(0.002)

    def end(self) -> Any:
        """Stop it; return its rows, after a comparison with the schedule."""
        self.commands.end()
        self.greenlet.join(timeout=60)
        assert self.greenlet.successful()
        reader = EventLogReader(self.directory / "traffic.jsonl")
        stopping, started = reader.find("stopping"), reader.find("started")
        assert stopping is not None
        assert started is not None
        self.elapsed = stopping["at_ns"] - started["origin_ns"]
        rows = read_ledger(self.directory / "ledger-0.npy")
        numbers = np.arange(slots_until(self.traffic, self.elapsed))
        assert rows["number"].tolist() == numbers.tolist()
        assert rows["planned"].tolist() == planner(self.traffic)(numbers).tolist()
        return rows


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rate=RATES, poisson=st.booleans(), of=st.integers(1, 3), seed=st.integers(0, 2**64))
def test_every_kind_of_schedule_is_sent_to_the_last_slot(
    tmp_path: Path, rate: float | tuple[Leg, ...], *, poisson: bool, of: int, seed: int
) -> None:
    """Parallel workers send each slot once, at its planned time or later, in its stream, and no others."""
    plan = TrafficPlan(rate=rate, routes=ROUTES, arrivals="poisson" if poisson else "even", seed=seed)
    journal, notes = EventLog(tmp_path / "traffic.jsonl"), [Notes() for _ in range(of)]
    origin = monotonic_ns()
    engines = [
        Engine(plan, note, journal, origin_ns=origin, seconds=0.1, share=Share(worker, of))  # type: ignore[arg-type]
        for worker, note in enumerate(notes)
    ]
    for engine in engines:
        engine.start()
    with gevent.Timeout(60):
        while monotonic_ns() < origin + 0.12 * NS:
            gevent.sleep(0.002)
    for engine in engines:
        engine.stop()
    journal.close()
    schedule, kinds = schedule_of(plan), len(streams(plan))
    count = schedule.slots_until(round(0.1 * NS))

    assert [note.missed for note in notes] == [[]] * of
    assert sorted((planned, index) for note in notes for planned, index in note.begun) == sorted(
        (schedule.planned_ns(slot), slot % kinds) for slot in range(count)
    )


@pytest.mark.parametrize("poisson", [False, True])
def test_an_outage_is_as_long_as_the_server_was_away(
    tmp_path: Path, serve: Callable[..., int], *, poisson: bool
) -> None:
    """While nothing is answered slots are sent all the same, so planned times tell when it began and ended."""
    away, back = 60, 200
    held: list[int] = []
    answered: list[int] = []
    cut = gevent.event.Event()

    def stall(connection: Any, _address: Any) -> None:
        while data := connection.recv(65536):
            number = int(data.partition(b"X-Request-ID: ")[2].partition(b"\r\n")[0].rsplit(b"-", 1)[1])
            if away <= number < back:
                held.append(number)
                cut.wait()
                return
            answered.append(number)
            connection.sendall(OK)

    traffic = TrafficPlan(
        rate=200, routes=ROUTES, pool=Pool(size=4), timeout=60.0, arrivals="poisson" if poisson else "even", seed=5
    )
    running = LocustSession(tmp_path, traffic, serve(stall))
    running.when(lambda: len(held) == back - away and answered[-1] > back + 50)
    cut.set()
    rows = running.end()
    found = find_outages(rows["planned"], rows["outcome"], streams=len(streams(traffic)), end_ns=running.elapsed)

    assert len(found) == 1
    assert sorted(held) == list(range(away, back)) == rows["number"][rows["outcome"] == Outcome.CLOSED].tolist()
    assert set(rows["outcome"].tolist()) == {Outcome.OK, Outcome.CLOSED}
    assert (found.start[0], found.end[0]) == (rows["planned"][away], rows["planned"][back])
    assert found.lost[0] == back - away


def test_a_server_that_never_answers_is_an_account_of_timeouts(tmp_path: Path) -> None:
    """It accepts nothing either: what its backlog holds waits for an answer, the rest for a connection."""
    with socket.create_server(("127.0.0.1", 0), backlog=20) as listener:
        traffic = TrafficPlan(rate=300, routes=ROUTES, pool=Pool(size=8), timeout=0.5)
        running = LocustSession(tmp_path, traffic, listener.getsockname()[1])
        running.until(0.5)
        rows = running.end()
    counts = Counter(rows["outcome"].tolist())

    assert set(counts) == {Outcome.TIMEOUT_CONNECT, Outcome.TIMEOUT_RESPONSE}
    assert (rows["done"] - rows["sent"] >= 0.5 * NS).all()


def test_a_stop_in_the_middle_of_a_stall_leaves_nothing_out(tmp_path: Path, serve: Callable[..., int]) -> None:
    """Due slots are sent, attempts under way have their timeout, held-back slots are missed: all have a row."""

    def hang(connection: Any, _address: Any) -> None:
        connection.recv(65536)
        gevent.sleep(60)

    traffic = TrafficPlan(rate=(Leg(50.0, 400.0, 0.4),), routes=ROUTES, timeout=0.6, concurrency=20)
    running = LocustSession(tmp_path, traffic, serve(hang))
    running.until(0.4)
    rows = running.end()
    counts = Counter(rows["outcome"].tolist())

    assert set(counts) == {Outcome.TIMEOUT_RESPONSE, Outcome.MISSED}
    assert counts[Outcome.TIMEOUT_RESPONSE] >= 20
    assert counts[Outcome.MISSED] == len(rows) - counts[Outcome.TIMEOUT_RESPONSE] > 0


def test_the_shapes_keep_to_the_schedule_too(tmp_path: Path, serve: Callable[..., int]) -> None:
    """Idle connections and slow answers among the others: each slot in its stream, all answered."""
    asked: Counter[bytes] = Counter()

    def answer(connection: Any, _address: Any) -> None:
        while data := connection.recv(65536):
            asked[data.split(b" ")[1]] += 1
            gevent.sleep(0.15 if b"delay=150" in data or b"delay=0.15s" in data else 0)
            connection.sendall(OK)

    traffic = TrafficPlan(
        rate=200, routes=ROUTES[:1], shapes=tuple(Shape), pool=Pool(size=2), timeout=30, idle=0.1, slow=0.15
    )
    running = LocustSession(tmp_path, traffic, serve(answer))
    running.until(0.3)
    with gevent.Timeout(60):
        while not len(_rested(read_ledger(tmp_path / "ledger-0.npy"))):
            gevent.sleep(0.01)
    rows = running.end()
    rested = _rested(rows)
    slow = rows[rows["shape"] == Shape.SLOW]

    assert set(rows["outcome"].tolist()) == {Outcome.OK}
    assert (slow["done"] - slow["sent"] >= 0.15 * NS).all()
    assert asked[b"/a?delay=0.15s"] == len(slow)
    for row in rested:
        before = rows[(rows["connection"] == row["connection"]) & (rows["number"] < row["number"])][-1]
        assert row["sent"] - before["done"] >= 0.1 * NS


def test_the_drain_waits_for_slow_answers(
    tmp_path: Path, serve: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attempts from right before the end have their delay and their timeout, so none stays unfinished."""
    monkeypatch.setattr(session_module, "_DRAIN_GRACE", 0.2)

    def hang(connection: Any, _address: Any) -> None:
        connection.recv(65536)
        gevent.sleep(60)

    traffic = TrafficPlan(rate=100, routes=ROUTES, shapes=(Shape.SLOW,), timeout=0.1, slow=0.6)
    running = LocustSession(tmp_path, traffic, serve(hang))
    running.until(0.1)
    rows = running.end()

    assert set(rows["outcome"].tolist()) == {Outcome.TIMEOUT_RESPONSE}
    assert (rows["done"] - rows["sent"] >= 0.7 * NS).all()


def _rested(rows: Any) -> Any:
    """Return the attempts of the idle shape on a connection that had carried one before."""
    return rows[(rows["shape"] == Shape.IDLE) & (rows["carried"] > 0)]
