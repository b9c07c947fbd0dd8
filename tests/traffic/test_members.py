"""Admission of workers to a master, and the reasons for refusals."""

from __future__ import annotations

from pathlib import Path

from harness.traffic.distributed.members import Member, Members
from harness.traffic.distributed.messages import VERSIONS, Hello

HELLO = Hello(VERSIONS, "host:1", "clock", -1, 1)


def members(size: int = 2, local: int = 0) -> Members:
    """Make members before any has joined."""
    return Members(size, local, Path())


def test_shares_are_given_in_order_and_kept() -> None:
    """Each worker has one share, and keeps it when it says hello twice."""
    crew = members()
    numbers = [crew.admit(client, HELLO) for client in ("a", "b", "a")]

    assert [member.number for member in numbers if isinstance(member, Member)] == [0, 1, 0]


def test_workers_that_join_get_shares_that_are_not_reserved() -> None:
    """Shares are reserved for workers that the master starts, in any order of arrival."""
    crew = members(3, local=2)
    joined, own = crew.admit("far", HELLO), crew.admit("near", Hello(VERSIONS, "host:2", "clock", 1, 2))

    assert isinstance(joined, Member)
    assert isinstance(own, Member)
    assert (joined.number, own.number) == (2, 1)


def test_a_worker_of_another_version_gets_both_versions() -> None:
    """Ledgers of two versions would not be one account."""
    refused = members().admit("a", Hello("harness 0.0.1, ledger 0", "host:1", "clock", -1, 1))

    assert isinstance(refused, str)
    assert "harness 0.0.1, ledger 0" in refused
    assert VERSIONS in refused


def test_one_too_many_is_refused() -> None:
    """The others are not disturbed."""
    crew = members(1)
    crew.admit("a", HELLO)

    assert crew.admit("b", HELLO) == "nobody else is expected: the traffic has its 1 worker"
    assert len(crew) == 1


def test_one_that_comes_too_late_is_refused() -> None:
    """Traffic that has begun is planned for its present workers."""
    crew = members(2)
    crew.admit("a", HELLO)
    crew.is_closed = True

    assert "came too late" in str(crew.admit("b", HELLO))
    assert isinstance(crew.admit("a", HELLO), Member)


def test_a_lost_worker_is_not_awaited_but_not_sound() -> None:
    """The rest can go on to its end; it can't begin."""
    crew = members(2)
    for client in ("a", "b"):
        crew.admit(client, HELLO)
    first, second = crew
    first.seen.add("ready")
    second.lost = "has left"

    assert crew.all_have("ready")
    assert not crew.are_sound
    assert crew.any_sends
