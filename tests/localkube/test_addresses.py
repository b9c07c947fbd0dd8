"""No two clusters share a loopback block."""

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


def test_pod_addresses_count_up() -> None:
    """Pods begin at 127.B.1.1 and count up."""
    assert [AddressBlock(20).pod_address(n) for n in (1, 2, 255)] == ["127.20.1.1", "127.20.1.2", "127.20.2.1"]


@pytest.mark.parametrize("number", [0, 254 * 254 + 1])
def test_a_full_block_is_an_error(number: int) -> None:
    """A full block raises an error and does not wrap around."""
    with pytest.raises(HarnessError, match="No address is left"):
        AddressBlock(20).pod_address(number)


def test_two_clusters_never_share_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two clusters get different blocks, a third gets a clear error, and a released block can be reserved again."""
    monkeypatch.setattr(addresses, "FIRST_BLOCK", 240)
    monkeypatch.setattr(addresses, "LAST_BLOCK", 241)
    with take_block() as one:
        with take_block() as other:
            assert {one.block.number, other.block.number} == {240, 241}
            with pytest.raises(HarnessError, match="None of the 2 address blocks"):
                take_block()
        with take_block() as again:
            assert again.block == other.block


def test_a_block_with_a_pod_that_is_left_over_is_not_assigned(monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed cluster may release its block before its last pod ends."""
    monkeypatch.setattr(addresses, "FIRST_BLOCK", 244)
    monkeypatch.setattr(addresses, "LAST_BLOCK", 244)
    with socket.create_server(("127.244.1.1", 0)), pytest.raises(HarnessError, match=r"listens at 127\.244\.1\.1:"):
        take_block()
    take_block().close()


def test_a_block_with_a_connection_is_assigned_only_if_there_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel keeps the address of a closed connection for a minute, at which a pod could not listen."""
    monkeypatch.setattr(addresses, "FIRST_BLOCK", 245)
    monkeypatch.setattr(addresses, "LAST_BLOCK", 246)
    with socket.create_server(("127.245.1.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        connection, _ = server.accept()
    with client, connection:
        for _ in range(20):
            with take_block() as held:
                assert held.block.number == 246
        with take_block(), take_block() as other:
            assert other.block.number == 245


@pytest.mark.processes
def test_a_block_stays_reserved_for_a_process_that_inherits_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block stays reserved while the cluster's process runs, even after the first holder has closed it."""
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


def test_a_port_in_use_at_all_addresses_is_skipped() -> None:
    """A port on which a program listens at all addresses is not free at ours."""
    with socket.create_server(("0.0.0.0", 0)) as other:
        port = other.getsockname()[1]

        assert free_port("127.243.0.2", port, 5) != port
        with pytest.raises(HarnessError, match="No port from"):
            free_port("127.243.0.2", port, 1)
