"""The client's choice of a Service's backend for each connection."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from harness.kit.backends import Address, Backends, write_backends
from harness.traffic.http.endpoint_choice import BackendLog, RandomEndpoint

NOWHERE: Address = ("127.9.0.3", 80)
ONE: Address = ("127.9.1.1", 5678)
TWO: Address = ("127.9.1.2", 5678)


def random_endpoint(path: Path, seed: int = 0) -> RandomEndpoint:
    """Make a choice without a log."""
    return RandomEndpoint(path, NOWHERE, seed, lambda _number, _address: None)


def test_each_backend_gets_its_share(tmp_path: Path) -> None:
    """The choice is random and even: of 2,000 connections to two backends each gets a good 40 %."""
    write_backends(tmp_path / "s", Backends((ONE, TWO)))
    choice = random_endpoint(tmp_path / "s")
    counted = Counter(choice.choose(number) for number in range(2000))

    assert counted.keys() == {ONE, TWO}
    assert min(counted.values()) > 800


def test_the_choice_follows_from_the_seed(tmp_path: Path) -> None:
    """The same seed gives the same choices, and the seed of another worker gives others."""
    write_backends(tmp_path / "s", Backends((ONE, TWO)))
    first, again, other = (random_endpoint(tmp_path / "s", seed) for seed in (1, 1, 2))
    course = [first.choose(n) for n in range(50)]

    assert [again.choose(n) for n in range(50)] == course
    assert [other.choose(n) for n in range(50)] != course


def test_a_change_counts_from_the_next_connection_on(tmp_path: Path) -> None:
    """The backends that are programmed at the moment of the connect decide."""
    write_backends(tmp_path / "s", Backends((ONE,)))
    choice = random_endpoint(tmp_path / "s")
    assert choice.choose(1) == ONE
    write_backends(tmp_path / "s", Backends((TWO,)))

    assert choice.choose(2) == TWO


def test_without_a_backend_it_goes_where_nobody_listens(tmp_path: Path) -> None:
    """The kernel refuses there, as kube-proxy rejects."""
    write_backends(tmp_path / "s", Backends())

    assert random_endpoint(tmp_path / "s").choose(1) == NOWHERE


def test_the_choice_is_written_down_at_once(tmp_path: Path) -> None:
    """Connection and backend are in the file when the choice is made, not when it is closed."""
    write_backends(tmp_path / "s", Backends((ONE,)))
    log = BackendLog(tmp_path / "backends-0.jsonl")
    RandomEndpoint(tmp_path / "s", NOWHERE, 0, log.note).choose(7)
    lines = [json.loads(line) for line in (tmp_path / "backends-0.jsonl").read_text().splitlines()]
    log.close()

    assert lines == [{"connection": 7, "backend": "127.9.1.1:5678"}]
