"""The client against servers that misbehave: exactly what was done is reported, and nothing is sent twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from client_rig import OK, PATIENCE, Rig
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.model.attempt import Method, Outcome
from harness.model.experiment import Pool, Route
from harness.model.schedule import Stream
from harness.model.shapes import Shape
from harness.traffic.calibration.faults import FAULTS
from harness.traffic.calibration.faulty_server import Behaviour
from harness.traffic.calibration.run import _context
from harness.traffic.calibration.server import SERVER_NAME
from harness.traffic.http.tls import TlsPeer

ROADS = ("plain", "tls")
SHAPES = (Shape.NEW, Shape.REUSED)
#: All faults but those that are only waited for, each with a method and a shape.
KINDS = [
    Stream(route, fault.path, method, shape)
    for route, fault in enumerate(FAULTS.values())
    for method in fault.methods
    for shape in SHAPES
    if fault.expected != Outcome.TIMEOUT_RESPONSE
]
PLAIN = [kind for kind in KINDS if not list(FAULTS.values())[kind.route].only_tls]


@dataclass
class World:
    """A faulty server, and a client whose routes are the faults."""

    behaviour: Behaviour
    make: Callable[..., Rig]
    port: int
    secure: TlsPeer | None

    def client(self, streams: list[Stream], **settings: Any) -> Rig:
        """Make a client that sends these streams."""
        routes = tuple(Route(f.path, f.answers, f.statuses) for f in FAULTS.values())
        return self.make(self.port, streams=tuple(streams), routes=routes, secure=self.secure, **settings)


@pytest.fixture(params=ROADS)
def world(request: pytest.FixtureRequest, serve: Callable[..., int], rig: Callable[..., Rig]) -> World:
    """Make the same faults, with and without TLS."""
    behaviour = Behaviour({})
    if request.param == "plain":
        return World(behaviour, rig, serve(behaviour.handle), None)
    return World(behaviour, rig, serve(behaviour.handle_tls), TlsPeer(_context(trusts=True), SERVER_NAME))


def expected(streams: list[Stream]) -> list[str]:
    """Return the outcomes that an exact detector reports."""
    faults = list(FAULTS.values())
    return [faults[stream.route].expected.label for stream in streams]


@pytest.mark.parametrize(
    ("world", "name"),
    [(road, f.name) for road in ROADS for f in FAULTS.values() if road == "tls" or not f.only_tls],
    indirect=["world"],
)
def test_every_fault_is_called_by_its_name(world: World, name: str) -> None:
    """Each behaviour of the faulty server gives its outcome, with every method, on new and on pooled connections."""
    fault = FAULTS[name]
    route = list(FAULTS).index(name)
    streams = [Stream(route, fault.path, method, shape) for method in fault.methods for shape in SHAPES]
    is_timeout = fault.expected == Outcome.TIMEOUT_RESPONSE
    made = world.client(streams, timeout=0.3 if is_timeout else PATIENCE)
    for index in range(len(streams)):
        made.attempt(index, 2, together=is_timeout)
    # A server that is slower than the timeout reads what was sent all the same.
    served = world.behaviour.served
    made.until(lambda: "t-0" in served and served["t-0"][name] >= 2 * len(streams))

    assert Counter(made.outcomes) == {fault.expected.label: 2 * len(streams)}
    assert world.behaviour.served["t-0"] == {name: 2 * len(streams), "duplicates": 0}
    assert made.faults == []


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), size=st.integers(1, 4), together=st.booleans(), look=st.booleans())
def test_faults_in_any_order_are_reported_exactly(
    world: World, data: st.DataObject, size: int, together: bool, look: bool
) -> None:
    """Random faults, methods and connections: reported = done, attempt by attempt; no id is received twice."""
    plan = data.draw(st.lists(st.sampled_from(KINDS if world.secure else PLAIN), min_size=1, max_size=30))
    if not look:
        # A client that does not look loses requests to connections that were ended before; that is another test's.
        plan = [kind for kind in plan if kind.shape == Shape.NEW]
    world.behaviour.served.clear()
    world.behaviour._seen.clear()
    made = world.client(plan, pool=Pool(size=size, look=look))
    for index in range(len(plan)):
        made.client.begin(0, index)
        if not together:
            made.drain()
    made.drain()
    done = Counter(kind.path.removeprefix("/fault/") for kind in plan)

    assert made.outcomes == expected(plan)
    assert world.behaviour.served["t-0"] == ({**done, "duplicates": 0} if plan else {})
    made.client.close()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("method", Method)
def test_a_proxy_that_drops_every_20th_request_is_caught_each_time(
    serve: Callable[..., int], rig: Callable[..., Rig], method: Method, shape: Shape
) -> None:
    """Of 400 requests, 20 are read and dropped, and 20 are reported; none is sent twice."""
    received: list[bytes] = []

    def drop_some(connection: Any, _address: Any) -> None:
        while data := connection.recv(65536):
            received.append(data.split(b"X-Request-ID: ")[1].split(b"\r\n")[0])
            if len(received) % 20 == 0:
                return
            connection.sendall(OK.removesuffix(b"ok") if method == Method.HEAD else OK)

    made = rig(serve(drop_some), pool=Pool(size=4), streams=(Stream(0, "/", method, shape),))
    made.attempt(0, 400)

    assert Counter(made.outcomes) == {"ok": 380, "closed": 20}
    assert len(received) == len(set(received)) == 400
