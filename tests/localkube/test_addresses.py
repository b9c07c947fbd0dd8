"""Loopback blocks that no two clusters share."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.localkube import addresses
from harness.localkube.addresses import AddressBlock, free_port, take_block


@given(st.integers(1, 254 * 254), st.integers(1, 254 * 254))
def test_no_two_pods_share_an_address(first: int, second: int) -> None:
    """Different pods have different addresses, none of them the node's or the ingress's."""
    block = AddressBlock(20)
    given_, other = block.pod_address(first), block.pod_address(second)

    assert (given_ == other) is (first == second)
    assert given_ not in {block.node_address, block.ingress_address}
    assert all(0 <= int(octet) <= 255 for octet in given_.split("."))


def test_first_pods_are_easy_to_read() -> None:
    """Pods begin at 127.B.1.1 and count up."""
    assert [AddressBlock(20).pod_address(n) for n in (1, 2, 255)] == ["127.20.1.1", "127.20.1.2", "127.20.2.1"]


@pytest.mark.parametrize("number", [0, 254 * 254 + 1])
def test_address_beyond_the_block_is_refused(number: int) -> None:
    """A block that is used up says so and never wraps around."""
    with pytest.raises(HarnessError, match="No address is left"):
        AddressBlock(20).pod_address(number)


def test_two_clusters_never_share_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two takers of the last two blocks each gets one, a third gets a clear error, a freed one can be had again."""
    monkeypatch.setattr(addresses, "FIRST_BLOCK", 240)
    monkeypatch.setattr(addresses, "LAST_BLOCK", 241)
    with take_block() as one:
        with take_block() as other:
            assert {one.block.number, other.block.number} == {240, 241}
            with pytest.raises(HarnessError, match="None of the 2 address blocks"):
                take_block()
        with take_block() as again:
            assert again.block == other.block


@pytest.mark.processes
def test_block_is_held_by_whoever_inherits_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block stays taken while the cluster's process lives, even when the taker's own hold is gone."""
    monkeypatch.setattr(addresses, "FIRST_BLOCK", 242)
    monkeypatch.setattr(addresses, "LAST_BLOCK", 242)
    held = take_block()
    argv = [sys.executable, "-S", "-c", "input()"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, pass_fds=(held.fileno(),)) as heir:
        held.close()
        with pytest.raises(HarnessError):
            take_block()
        heir.communicate(b"\n")
    take_block().close()


def test_port_of_another_program_is_passed_over() -> None:
    """A port that somebody listens on at all addresses is not free at ours."""
    with socket.create_server(("0.0.0.0", 0)) as other:
        port = other.getsockname()[1]

        assert free_port("127.243.0.2", port, 5) != port
        with pytest.raises(HarnessError, match="No port from"):
            free_port("127.243.0.2", port, 1)
