"""The client against servers that misbehave: exactly what was done is reported, and nothing is sent twice."""

from __future__ import annotations

import errno
import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic_ns
from typing import Any, Literal

import gevent
import numpy as np
import pytest
from gevent.server import StreamServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.model.attempt import CloseReason, Method, Outcome, Progress, Shape
from harness.model.experiment import Pool, Route
from harness.model.schedule import Stream
from harness.store.ledger import ConnectionLedger, LedgerWriter, read_connections, read_ledger
from harness.store.ledger_format import NEVER
from harness.traffic import connection as connection_module
from harness.traffic.answers import AnswerBook
from harness.traffic.attempt import Target
from harness.traffic.client import Client, ClientPlan
from harness.traffic.faults import FAULTS
from harness.traffic.misbehaviour import Behaviour

Handler = Callable[[Any, Any], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
STREAMS = tuple(Stream(0, "/", method, shape) for method in (Method.GET, Method.POST) for shape in Shape)
GET_NEW, GET_REUSED, POST_NEW, POST_REUSED = range(4)


@dataclass
class Rig:
    """A client with its ledgers in a folder."""

    directory: Path
    port: int
    pool: Pool = Pool(size=2)  # noqa: RUF009 - frozen
    timeout: float = 5.0
    streams: tuple[Stream, ...] = STREAMS
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make the client."""
        self.origin = monotonic_ns()
        self.ledger = LedgerWriter(self.directory / "l.npy", origin_ns=self.origin)
        self.connections = ConnectionLedger(self.directory / "c.npy", origin_ns=self.origin)
        plan = ClientPlan(self.streams, host="h", token="t-0", timeout=self.timeout, pool=self.pool)
        self.client = Client(
            plan,
            Target(socket.AF_INET, ("127.0.0.1", self.port)),
            ledger=self.ledger,
            connections=self.connections,
            answers=AnswerBook([Route("/", ("ok",))], lambda _number, _text: None),
            on_fault=self.faults.append,
        )

    def attempt(self, stream: int, times: int = 1, *, together: bool = False) -> None:
        """Make attempts one after the other, or all at once, and wait for their end."""
        for _ in range(times):
            self.client.begin(0, stream)
            if not together:
                self.drain()
        self.drain()

    def drain(self) -> None:
        """Let the loop run until nothing is in flight."""
        self.until(lambda: self.client.in_flight == 0)

    def until(self, condition: Callable[[], bool]) -> None:
        """Let the loop run until a condition holds."""
        with gevent.Timeout(10):
            while not condition():
                gevent.sleep(0.001)

    @property
    def rows(self) -> Any:
        """The attempts so far."""
        return read_ledger(self.directory / "l.npy")

    @property
    def opened(self) -> Any:
        """The connections so far."""
        return read_connections(self.directory / "c.npy")

    @property
    def outcomes(self) -> list[str]:
        """Labels of the attempts' outcomes."""
        return [Outcome(code).label for code in self.rows["outcome"]]

    @property
    def reasons(self) -> list[str]:
        """Why the connections have ended."""
        return [CloseReason(code).name for code in self.opened["reason"]]


@pytest.fixture
def serve() -> Iterator[Callable[[Handler], int]]:
    """Starts servers in this process; each gives its port."""
    servers: list[StreamServer] = []

    def start(handler: Handler) -> int:
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
def rig(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    """Makes clients; they are closed at the end."""
    rigs: list[Rig] = []

    def make(port: int, **settings: Any) -> Rig:
        made = Rig(tmp_path, port, **settings)
        rigs.append(made)
        return made

    yield make
    for made in rigs:
        made.client.close()
        made.ledger.close()
        made.connections.close()


def always_ok(connection: Any, _address: Any) -> None:
    """Answer every request."""
    while connection.recv(65536):
        connection.sendall(OK)


def end(connection: Any, how: Literal["fin", "rst"]) -> None:
    """End a connection from the server's side."""
    if how == "rst":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_an_answered_attempt_has_all_its_times_in_order(
    serve: Callable[[Handler], int], rig: Callable[..., Rig]
) -> None:
    """Sent, connected, first byte, done; and what it carried, on which port."""
    made = rig(serve(always_ok))
    made.attempt(POST_NEW)
    (row,) = made.rows

    assert made.outcomes == ["ok"]
    assert 0 < row["sent"] <= row["connected"] <= row["first_byte"] <= row["done"]
    assert (row["progress"], row["status"], row["bytes_in"]) == (Progress.ANSWERED, 200, len(OK))
    assert row["port"] > 0
    assert row["bytes_out"] > 100


def test_the_pool_is_opened_one_by_one_and_then_reused_in_order(
    serve: Callable[[Handler], int], rig: Callable[..., Rig]
) -> None:
    """The first attempts open a connection each; then FIFO takes the one that was idle for longest, LIFO the last."""
    port = serve(always_ok)
    orders = {}
    for order in ("fifo", "lifo"):
        made = rig(port, pool=Pool(size=3, order=order))
        made.attempt(GET_REUSED, 7)
        orders[order] = (made.rows["connection"].tolist(), made.rows["carried"].tolist())

    assert orders["fifo"] == ([1, 2, 3, 1, 2, 3, 1], [0, 0, 0, 1, 1, 1, 2])
    assert orders["lifo"] == ([1, 2, 3, 3, 3, 3, 3], [0, 0, 0, 1, 2, 3, 4])


def test_a_busy_pool_never_makes_an_attempt_wait(serve: Callable[[Handler], int], rig: Callable[..., Rig]) -> None:
    """Beyond the pool a further connection is opened, and closed after its one use."""
    made = rig(serve(always_ok), pool=Pool(size=2))
    made.attempt(GET_REUSED, 5, together=True)

    assert made.outcomes == ["ok"] * 5
    assert made.reasons == ["OPEN", "OPEN", "BY_US", "BY_US", "BY_US"]


def test_new_connections_carry_one_request_and_are_not_cut(
    serve: Callable[[Handler], int], rig: Callable[..., Rig]
) -> None:
    """Attempts of the new shape have a connection each, closed by us."""
    made = rig(serve(always_ok))
    made.attempt(GET_NEW, 3)

    assert made.opened["requests"].tolist() == [1, 1, 1]
    assert made.reasons == ["BY_US"] * 3


@pytest.mark.parametrize("stream", range(4), ids=["get-new", "get-reused", "post-new", "post-reused"])
def test_a_proxy_that_drops_every_20th_request_is_caught_each_time(
    serve: Callable[[Handler], int], rig: Callable[..., Rig], stream: int
) -> None:
    """The mission's table: of 400 requests 20 are read and dropped, and 20 are reported; none is sent twice."""
    received: list[bytes] = []

    def drop_some(connection: Any, _address: Any) -> None:
        while data := connection.recv(65536):
            received.append(data.split(b"X-Request-ID: ")[1].split(b"\r\n")[0])
            if len(received) % 20 == 0:
                return
            connection.sendall(OK)

    made = rig(serve(drop_some), pool=Pool(size=4))
    made.attempt(stream, 400)

    assert Counter(made.outcomes) == {"ok": 380, "closed": 20}
    assert len(received) == len(set(received)) == 400


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_careful_client_sees_the_end_of_an_idle_connection(
    serve: Callable[[Handler], int], rig: Callable[..., Rig], how: Literal["fin", "rst"]
) -> None:
    """No request is lost, and the cut connection is recorded with who ended it and when, before the next is sent."""

    def once(connection: Any, _address: Any) -> None:
        connection.recv(65536)
        connection.sendall(OK)
        end(connection, how)

    made = rig(serve(once), pool=Pool(size=1))
    made.attempt(GET_REUSED)
    made.until(lambda: made.reasons != ["OPEN"])
    made.attempt(GET_REUSED)

    assert made.outcomes == ["ok", "ok"]
    assert made.reasons[0] == f"PEER_{how.upper()}"
    assert made.rows["done"][0] <= made.opened["closed"][0] <= made.rows["sent"][1]


@pytest.mark.parametrize(("how", "outcome"), [("fin", "closed"), ("rst", "reset")])
def test_a_naive_client_loses_one_request_per_ended_connection(
    serve: Callable[[Handler], int], rig: Callable[..., Rig], how: Literal["fin", "rst"], outcome: str
) -> None:
    """Without the look it sends into the ended connection; when the end came is on record all the same."""

    def once(connection: Any, _address: Any) -> None:
        connection.recv(65536)
        connection.sendall(OK)
        end(connection, how)

    made = rig(serve(once), pool=Pool(size=1, look=False))
    made.attempt(GET_REUSED)
    made.until(made.client.idle_ended)
    seen = made.opened["closed"][0]
    made.attempt(GET_REUSED)

    assert made.outcomes == ["ok", outcome]
    assert (made.reasons[0], made.opened["closed"][0]) == (f"PEER_{how.upper()}", seen)
    assert made.opened["requests"][0] == 2


def test_the_look_finds_what_the_loop_has_not_told_yet(
    serve: Callable[[Handler], int], rig: Callable[..., Rig]
) -> None:
    """A FIN that has arrived but was not handled yet is seen right before the request would be sent."""
    accepted: list[Any] = []

    def keep(connection: Any, _address: Any) -> None:
        accepted.append(connection)
        connection.recv(65536)
        connection.sendall(OK)
        if len(accepted) == 1:
            gevent.sleep(10)

    made = rig(serve(keep), pool=Pool(size=1))
    made.attempt(GET_REUSED)
    # Shut down and sent at once: the loop does not run in between.
    accepted[0].shutdown(socket.SHUT_WR)
    made.attempt(GET_REUSED)

    assert made.outcomes == ["ok", "ok"]
    assert (made.reasons[0], made.rows["connection"].tolist()) == ("PEER_FIN", [1, 2])


def test_data_that_nobody_asked_for_ends_a_connection(serve: Callable[[Handler], int], rig: Callable[..., Rig]) -> None:
    """A second answer is never taken for that of the next request."""

    def chatty(connection: Any, _address: Any) -> None:
        connection.recv(65536)
        connection.sendall(OK + OK.replace(b"ok", b"no"))
        connection.recv(1)

    made = rig(serve(chatty), pool=Pool(size=1))
    made.attempt(GET_REUSED, 2)

    assert (made.outcomes, made.reasons[0]) == (["ok", "ok"], "BROKEN")


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_every_fault_is_called_by_its_name(serve: Callable[[Handler], int], rig: Callable[..., Rig], name: str) -> None:
    """Each behaviour of the faulty server gives its outcome, with GET and POST, on new and on pooled connections."""
    fault = FAULTS[name]
    behaviour = Behaviour({})
    streams = tuple(Stream(0, fault.path, method, shape) for method in (Method.GET, Method.POST) for shape in Shape)
    is_timeout = fault.expected == Outcome.TIMEOUT_RESPONSE
    made = rig(serve(behaviour.handle), streams=streams, timeout=0.05 if is_timeout else 5.0)
    made.client._answers = AnswerBook([Route("/", fault.answers)], lambda _number, _text: None)
    for stream in range(4):
        made.attempt(stream, 2)

    assert Counter(made.outcomes) == {fault.expected.label: 8}
    assert behaviour.served["t-0"] == {name: 8, "duplicates": 0}


def test_a_refused_connection_says_so(rig: Callable[..., Rig]) -> None:
    """Nobody listens: refused, not connected, with the errno."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        made = rig(holder.getsockname()[1])
        made.attempt(GET_NEW)
    (row,) = made.rows

    assert (made.outcomes, row["errno"], row["progress"]) == (["refused"], errno.ECONNREFUSED, Progress.NOT_CONNECTED)
    assert (row["connected"], row["first_byte"]) == (NEVER, NEVER)


def test_a_full_backlog_is_a_connect_timeout(rig: Callable[..., Rig]) -> None:
    """The kernel drops what does not fit: the attempt's time is up while it still connects."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        made = rig(listener.getsockname()[1], timeout=0.05)
        made.attempt(GET_NEW, 2, together=True)

    assert made.outcomes == ["timeout-connect"] * 2


def test_all_timeouts_come_at_their_time(serve: Callable[[Handler], int], rig: Callable[..., Rig]) -> None:
    """One timer serves all attempts, whether or not those before them were answered."""

    def hang_on_post(connection: Any, _address: Any) -> None:
        data = connection.recv(65536)
        if data.startswith(b"GET"):
            connection.sendall(OK)
        connection.recv(1)

    made = rig(serve(hang_on_post), timeout=0.1)
    for stream in (POST_NEW, GET_NEW, POST_REUSED, GET_REUSED):
        made.client.begin(0, stream)
        gevent.sleep(0.02)
    made.drain()
    took = (made.rows["done"] - made.rows["sent"]) / 1e6

    assert made.outcomes == ["timeout-response", "ok", "timeout-response", "ok"]
    assert (took[[0, 2]] >= 100).all()


def test_an_answer_that_came_in_time_is_not_lost_to_our_own_slowness(rig: Callable[..., Rig]) -> None:
    """When the deadline is noticed late, what has arrived is taken first: the connection, then the answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = rig(listener.getsockname()[1])
        made.client.begin(0, GET_NEW)
        waiting = made.client._waiting[0]
        peer, _ = listener.accept()
        # The loop does not run in all this time.
        assert waiting.connection is not None
        waiting.connection.last_look()
        assert waiting.progress == Progress.SENT
        with peer:
            assert peer.recv(65536).startswith(b"GET")
            peer.sendall(OK)
            made.client._expire(waiting)

    assert made.outcomes == ["ok"]


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS])
def test_what_our_own_machine_lacks_is_no_loss(
    rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """No socket to be had is a client fault, told in words too."""

    def none_left(*_: Any) -> None:
        raise OSError(number, "none left")

    monkeypatch.setattr(connection_module, "_Socket", none_left)
    made = rig(1)
    made.attempt(GET_NEW)

    assert (made.outcomes, made.rows["errno"].tolist()) == (["client-fault"], [number])
    assert len(made.faults) == 1


def test_a_bug_while_judging_is_a_client_fault(
    serve: Callable[[Handler], int], rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception of our own code never becomes a success, nor a loss."""

    def broken(*_: Any) -> None:
        raise RuntimeError("bug")

    made = rig(serve(always_ok))
    monkeypatch.setattr(made.client._answers, "judge", broken)
    made.attempt(GET_NEW)

    assert made.outcomes == ["client-fault"]


def test_the_intent_is_on_disk_before_the_request_is_received(
    serve: Callable[[Handler], int], rig: Callable[..., Rig]
) -> None:
    """When the server has the request, the ledger has it as unfinished and sent."""
    seen: list[tuple[int, int]] = []

    def look(connection: Any, _address: Any) -> None:
        connection.recv(65536)
        rows = made.rows
        seen.append((int(rows["outcome"][-1]), int(rows["progress"][-1])))
        connection.sendall(OK)

    made = rig(serve(look))
    made.attempt(GET_NEW)
    made.attempt(GET_REUSED)

    assert seen == [(Outcome.UNFINISHED, Progress.SENT)] * 2


def test_attempts_cut_off_by_the_end_stay_unfinished(serve: Callable[[Handler], int], rig: Callable[..., Rig]) -> None:
    """Closing the client makes nothing of an attempt that is under way."""
    made = rig(serve(lambda connection, _address: connection.recv(1) and gevent.sleep(10)))
    made.client.begin(0, GET_NEW)
    gevent.sleep(0.01)
    made.client.close()

    assert (made.outcomes, made.reasons) == (["unfinished"], ["BY_US"])


def test_a_missed_slot_is_a_row_that_was_never_sent(rig: Callable[..., Rig]) -> None:
    """It has its planned time and no other."""
    made = rig(1)
    made.client.miss(123, GET_NEW)
    (row,) = made.rows

    assert (made.outcomes, row["planned"], row["sent"], row["connection"]) == (["missed"], 123, NEVER, 0)


def test_a_large_request_and_answer_pass_in_pieces(serve: Callable[[Handler], int], rig: Callable[..., Rig]) -> None:
    """What does not fit into the socket at once is sent on later, each byte once; ten megabytes are read back."""
    size = 10_000_000
    path = "/" + "x" * 4_000_000
    got: list[int] = []

    def slow(connection: Any, _address: Any) -> None:
        total = 0
        while total < len(path):
            total += len(connection.recv(65536))
        got.append(total)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)

    made = rig(serve(slow), streams=(Stream(0, path, Method.GET, Shape.NEW),))
    made.client._answers = AnswerBook([Route("/")], lambda _number, _text: None)
    made.attempt(0)

    assert made.outcomes == ["ok"]
    assert made.rows["bytes_in"][0] > size
    assert np.isclose(got[0], made.rows["bytes_out"][0])


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    plan=st.lists(
        st.tuples(
            st.sampled_from(sorted(name for name, f in FAULTS.items() if f.expected != Outcome.TIMEOUT_RESPONSE)),
            st.integers(0, 3),
        ),
        max_size=40,
    ),
    size=st.integers(1, 4),
    together=st.booleans(),
)
def test_whatever_is_done_in_whatever_order_is_what_is_reported(
    serve: Callable[[Handler], int],
    rig: Callable[..., Rig],
    plan: list[tuple[str, int]],
    size: int,
    together: bool,
) -> None:
    """Random faults, methods and connections: reported = done, attempt by attempt; no id is received twice."""
    behaviour = Behaviour({})
    names = sorted(FAULTS)
    streams = tuple(
        Stream(route, FAULTS[name].path, method, shape)
        for route, name in enumerate(names)
        for method in (Method.GET, Method.POST)
        for shape in Shape
    )
    made = rig(serve(behaviour.handle), streams=streams, pool=Pool(size=size))
    made.client._answers = AnswerBook([Route("/", FAULTS[name].answers) for name in names], lambda _number, _text: None)
    for name, kind in plan:
        made.client.begin(0, names.index(name) * 4 + kind)
        if not together:
            made.drain()
    made.drain()

    assert made.outcomes == [FAULTS[name].expected.label for name, _ in plan]
    assert behaviour.served["t-0"]["duplicates"] == 0
    made.client.close()
