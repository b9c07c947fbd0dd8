"""A lack of our own machine differs from a failure of the server."""

from __future__ import annotations

import errno
import os
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count, islice
from pathlib import Path
from time import monotonic_ns
from typing import Any

import gevent
import pytest
from client_rig import GET_NEW, GET_REUSED, PATIENCE, Rig, always_ok

from harness.model.attempt import Progress
from harness.store.ledger_format import NEVER
from harness.traffic.http import http1


@contextmanager
def few_files(more: int) -> Iterator[None]:
    """Limit how many more files and sockets this process may open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = islice((fd for fd in count() if not os.path.lexists(f"/proc/self/fd/{fd}")), more)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(free) + 1, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_no_descriptor_left_is_no_loss(serve: Callable[..., int], rig: Callable[..., Rig]) -> None:
    """A real limit of open files: attempts that got no socket were not sent; those under way end as they would."""
    made = rig(serve(always_ok))
    with few_files(3):
        for _ in range(8):
            made.client.begin(0, GET_NEW)
    outcomes = made.outcomes
    made.drain()
    rows = made.rows[3:]

    assert outcomes == ["unfinished"] * 3 + ["client-fault"] * 5
    assert made.outcomes == ["ok"] * 3 + ["client-fault"] * 5
    assert set(rows["errno"].tolist()) == {errno.EMFILE}
    assert set(rows["progress"].tolist()) == {Progress.NOT_CONNECTED}
    assert set(rows["connected"].tolist()) == {NEVER}
    assert len(made.faults) == 5
    assert "Too many open files" in made.faults[0]


def test_no_port_left_is_no_loss(
    serve: Callable[..., int], rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real lack of ports: the operating system gives no second connection from the only port that is allowed."""
    port = serve(always_ok)
    with socket.socket() as holder:
        holder.bind(("127.0.0.9", 0))
        only = holder.getsockname()[1]

    class OfOnePort(http1._Socket):  # type: ignore[misc, valid-type]  # chosen at import
        """A machine that has one port."""

        def __init__(self, *args: Any, **settings: Any) -> None:
            super().__init__(*args, **settings)
            self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.bind(("127.0.0.9", only))

    monkeypatch.setattr(http1, "_Socket", OfOnePort)
    made = rig(port)
    made.attempt(GET_REUSED)
    made.client.begin(0, GET_NEW)
    made.drain()

    assert made.outcomes == ["ok", "client-fault"]
    assert made.rows["errno"][1] == errno.EADDRNOTAVAIL
    assert (made.rows["port"][0], made.rows["bytes_out"][1]) == (only, 0)


@pytest.mark.parametrize("number", [errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EPERM])
def test_a_lack_of_our_own_machine_is_no_loss(
    rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A missing socket is a client fault, and is reported in words too."""

    def none_left(*_: Any) -> None:
        raise OSError(number, "none left")

    monkeypatch.setattr(http1, "_Socket", none_left)
    made = rig(1)
    made.attempt(GET_NEW)

    assert (made.outcomes, made.rows["errno"].tolist()) == (["client-fault"], [number])
    assert made.faults


def test_a_bug_while_judging_is_a_client_fault(
    serve: Callable[..., int], rig: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of our own code ends in the ledger, and is never a success."""

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a bug")

    made = rig(serve(always_ok))
    monkeypatch.setattr(made.client._answers, "judge", broken)
    made.attempt(GET_NEW)

    assert made.outcomes == ["client-fault"]


def test_a_standstill_is_left_out_of_timeouts(
    serve: Callable[..., int], rig: Callable[..., Rig], tmp_path: Path
) -> None:
    """Neither side could do anything in that time: of two attempts at a silent server, the later one ends first."""
    silent = serve(lambda _connection, _address: gevent.sleep(10 * PATIENCE))
    other = rig(silent, timeout=0.2)
    (tmp_path / "stood").mkdir()
    stood = Rig(tmp_path / "stood", silent, timeout=0.2)
    with closing(stood):
        stood.client.begin(0, GET_NEW)
        now = monotonic_ns()
        stood.client.stood_still(now, now + 10 * PATIENCE * 1_000_000_000)
        other.attempt(GET_NEW)

        assert other.outcomes == ["timeout-response"]
        assert stood.outcomes == ["unfinished"]
