"""The client against servers that misbehave: exactly what was done is reported, and nothing is sent twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from client_rig import OK, Handler, Rig
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.model.attempt import Method, Outcome, Shape
from harness.model.experiment import Pool, Route
from harness.model.schedule import Stream
from harness.traffic.answers import AnswerBook
from harness.traffic.faults import FAULTS
from harness.traffic.misbehaviour import Behaviour


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
