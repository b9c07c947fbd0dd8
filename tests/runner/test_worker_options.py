"""Tests that options about workers are checked before anything is started."""

from __future__ import annotations

import socket

import pytest

from harness.errors import HarnessError, InvalidInputError
from harness.model.experiment import Pool, Route, TrafficPlan
from harness.model.shapes import Shape
from harness.runner.options import RunOptions, cores
from harness.runner.worker_options import check_workers

TRAFFIC = TrafficPlan(rate=10, routes=(Route("/"),), pool=Pool(size=4))


def problems(options: RunOptions, traffic: TrafficPlan = TRAFFIC) -> str:
    """Return all problems as text."""
    with pytest.raises(InvalidInputError) as raised:
        check_workers(options, traffic)
    return str(raised.value)


def test_a_single_process_needs_no_options() -> None:
    """The default has no workers and no advice."""
    assert check_workers(RunOptions(), TRAFFIC) == ""
    assert RunOptions().sharing(last=True) is None


def test_workers_that_join_need_an_address_and_the_other_way_round() -> None:
    """The message names the missing option."""
    assert "--bind HOST:PORT" in problems(RunOptions(workers=0, expect_workers=2))
    assert "--expect-workers N" in problems(RunOptions(bind=("127.0.0.1", 5557)))


def test_more_workers_than_connections_or_attempts_at_once_are_refused() -> None:
    """Some worker would have no connection. Without reused connections the pool's size does not matter."""
    new = TrafficPlan(rate=10, routes=(Route("/"),), shapes=(Shape.NEW,), pool=Pool(size=4), concurrency=4)

    assert "pool of 4" in problems(RunOptions(workers=5))
    assert "concurrency of 4" in problems(RunOptions(workers=5), new)
    check_workers(RunOptions(workers=4), new)


def test_more_workers_than_cores_give_advice() -> None:
    """They are allowed."""
    traffic = TrafficPlan(rate=10, routes=(Route("/"),), pool=Pool(size=1000))

    assert f"on {cores()} cores" in check_workers(RunOptions(workers=cores() + 1), traffic)


def test_workers_of_a_local_cluster_must_run_here() -> None:
    """Its addresses are 127.x, so the advice comes before the user waits for workers that can't send."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    options = RunOptions(workers=0, expect_workers=1, bind=("127.0.0.1", port))

    assert "this machine alone" in check_workers(options, TRAFFIC)


def test_a_port_in_use_is_an_error_that_names_it() -> None:
    """The error comes before a cluster is brought up."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(HarnessError, match=f"Port {port} of 127.0.0.1 is in use"):
            check_workers(RunOptions(workers=0, expect_workers=1, bind=("127.0.0.1", port)), TRAFFIC)


def test_an_address_of_another_machine_is_an_error() -> None:
    """This machine can't listen there."""
    with pytest.raises(HarnessError, match="Nothing can listen at"):
        check_workers(RunOptions(workers=0, expect_workers=1, bind=("192.0.2.1", 5557)), TRAFFIC)


def test_workers_that_join_take_one_trial_at_a_time() -> None:
    """A worker can't serve two trials."""
    options = RunOptions(workers=1, expect_workers=2, bind=("127.0.0.1", 5557), parallel=8)
    sharing = options.sharing(last=False)

    assert options.parallel_trials(5) == 1
    assert sharing is not None
    assert (sharing.local, sharing.remote, sharing.size, sharing.last) == (1, 2, 3, False)
