"""What our own machine lacks is told apart from what the server does."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest
from client_rig import GET_NEW, Handler, Rig, always_ok

from harness.traffic import connection as connection_module


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
