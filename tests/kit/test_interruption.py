"""An interruption reaches every thread once, and clean-up still can wait."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from harness.kit import interruption
from harness.kit.interruption import Interrupted
from harness.kit.waiting import pause, wait_until


def test_a_wait_is_ended_by_an_interruption() -> None:
    """A thread that waits for something hears of the interruption at once."""
    ended: list[bool] = []

    def waits() -> None:
        try:
            wait_until(lambda: False, timeout=60, what="what never comes")
        except Interrupted:
            ended.append(True)

    with interruption.fresh():
        thread = threading.Thread(target=waits)
        thread.start()
        interruption.interrupt()
        thread.join(60)

    assert ended == [True]


def test_a_thread_hears_of_it_once() -> None:
    """After its first ``Interrupted`` a thread can wait as usual, as its clean-up must."""
    with interruption.fresh():
        interruption.interrupt()
        with pytest.raises(Interrupted):
            pause(1)
        pause(0.001)

        assert wait_until(lambda: True, timeout=1, what="the clean-up")


def _signal_self(number: int) -> None:
    os.kill(os.getpid(), number)
    pause(5)


def test_a_shield_holds_it_back_until_it_is_left() -> None:
    """What must be done as a whole is; the next wait after it hears."""
    with interruption.fresh():
        with interruption.shielded():
            interruption.interrupt()
            pause(0.001)
        with pytest.raises(Interrupted):
            pause(1)
        with interruption.shielded():
            pause(0.001)
        pause(0.001)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_signal_that_asks_for_an_end_interrupts(number: signal.Signals) -> None:
    """It raises in the main thread and leaves its number, from which the exit code follows; a terminal's end too."""
    before = signal.signal(number, signal.SIG_DFL)  # below nohup it would be ignored, and stay so
    try:
        with interruption.fresh():
            with pytest.raises(Interrupted), interruption.handled():
                _signal_self(number)

            assert interruption.signal_number() == number
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("handles", [interruption.handled, lambda: interruption.deferred(print)])
def test_a_hang_up_that_is_ignored_stays_so(handles: Callable[[], AbstractContextManager[None]]) -> None:
    """Under ``nohup`` a terminal may go."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruption.fresh(), handles():
            _signal_self_shortly(signal.SIGHUP)

            assert not interruption.requested()
    finally:
        signal.signal(signal.SIGHUP, before)


def _signal_self_shortly(number: int) -> None:
    os.kill(os.getpid(), number)
    pause(0.01)


def test_a_hang_up_is_no_impatience() -> None:
    """The kernel and the shell send one each, and a window may be closed after Ctrl-C: the evidence is sealed still."""
    heard: list[int] = []
    with interruption.fresh(), interruption.deferred(heard.append):
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGHUP):
            os.kill(os.getpid(), number)

        assert heard == []
        assert interruption.signal_number() == signal.SIGINT


def test_work_in_order_hears_of_a_signal_at_its_next_wait_and_of_a_second_one_at_once() -> None:
    """What is not a wait is never cut in two; whoever signals twice does not want to wait."""
    heard: list[int] = []
    with interruption.fresh(), interruption.deferred(heard.append):
        os.kill(os.getpid(), signal.SIGINT)
        first = list(heard)
        with pytest.raises(Interrupted):
            pause(5)
        os.kill(os.getpid(), signal.SIGTERM)

        assert (first, heard) == ([], [signal.SIGTERM])
        assert interruption.signal_number() == signal.SIGINT


def test_no_handler_takes_it_for_a_failure() -> None:
    """It is no ``Exception``: ``except Exception`` lets it pass."""
    assert not issubclass(Interrupted, Exception)
