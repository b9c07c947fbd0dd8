"""Who is to share the sending is checked before anything is started."""

from __future__ import annotations

import socket

import pytest

from harness.errors import HarnessError, InvalidInputError
from harness.model.experiment import Pool, Route, TrafficPlan
from harness.model.shapes import Shape
from harness.runner.options import RunOptions, cores
from harness.runner.worker_options import check_crew

TRAFFIC = TrafficPlan(rate=10, routes=(Route("/"),), pool=Pool(size=4))


def problems(options: RunOptions, traffic: TrafficPlan = TRAFFIC) -> str:
    """All problems, as text."""
    with pytest.raises(InvalidInputError) as raised:
        check_crew(options, traffic)
    return str(raised.value)


def test_one_process_needs_nothing() -> None:
    """The default: no crew, nothing to say."""
    assert check_crew(RunOptions(), TRAFFIC) == ""
    assert RunOptions().crew(last=True) is None


def test_workers_that_join_need_an_address_and_the_other_way_round() -> None:
    """Each option says which other one it lacks."""
    assert "--bind HOST:PORT" in problems(RunOptions(workers=0, expect_workers=2))
    assert "--expect-workers N" in problems(RunOptions(bind=("127.0.0.1", 5557)))


def test_more_workers_than_connections_or_attempts_at_once_are_refused() -> None:
    """Some worker would have a pool of none; without reused connections that is no matter."""
    new = TrafficPlan(rate=10, routes=(Route("/"),), shapes=(Shape.NEW,), pool=Pool(size=4), concurrency=4)

    assert "pool of 4" in problems(RunOptions(workers=5))
    assert "concurrency of 4" in problems(RunOptions(workers=5), new)
    check_crew(RunOptions(workers=4), new)


def test_more_workers_than_cores_are_a_note() -> None:
    """Said, not refused."""
    traffic = TrafficPlan(rate=10, routes=(Route("/"),), pool=Pool(size=1000))

    assert f"on {cores()} cores" in check_crew(RunOptions(workers=cores() + 1), traffic)


def test_a_local_cluster_is_out_of_reach_for_other_machines() -> None:
    """Its addresses are 127.x: said before somebody waits for workers that can't send."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    options = RunOptions(workers=0, expect_workers=1, bind=("127.0.0.1", port))

    assert "this machine alone" in check_crew(options, TRAFFIC)


def test_a_port_in_use_is_an_error_that_names_it() -> None:
    """Before a cluster is brought up for nothing."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(HarnessError, match=f"Port {port} of 127.0.0.1 is in use"):
            check_crew(RunOptions(workers=0, expect_workers=1, bind=("127.0.0.1", port)), TRAFFIC)


def test_an_address_of_another_machine_is_an_error() -> None:
    """Nothing can listen there."""
    with pytest.raises(HarnessError, match="Nothing can listen at"):
        check_crew(RunOptions(workers=0, expect_workers=1, bind=("192.0.2.1", 5557)), TRAFFIC)


def test_workers_that_join_take_one_trial_at_a_time() -> None:
    """They can't be in two places."""
    options = RunOptions(workers=1, expect_workers=2, bind=("127.0.0.1", 5557), parallel=8)
    crew = options.crew(last=False)

    assert options.lanes(5) == 1
    assert crew is not None
    assert (crew.local, crew.remote, crew.size, crew.last) == (1, 2, 3, False)
