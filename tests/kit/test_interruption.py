"""An interruption is raised once in every thread, and clean-up can still wait."""

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
    """A waiting thread raises at once."""
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


def test_a_long_wait_is_ended_by_an_interruption() -> None:
    """A thread that waits for an hour raises when an end is requested, not at its next look."""
    ended = threading.Event()

    def waits() -> None:
        try:
            interruption.nap(3600)
        except Interrupted:
            ended.set()

    with interruption.fresh():
        thread = threading.Thread(target=waits, daemon=True)
        thread.start()
        interruption.interrupt()

        assert ended.wait(60)


def test_a_thread_raises_once() -> None:
    """After its first ``Interrupted``, a thread can wait as usual for its clean-up."""
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
    """A shielded block completes, and the next wait after it raises."""
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
    """Each signal raises in the main thread, and its number is kept for the exit code."""
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
    """Under ``nohup``, the terminal may close."""
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


def test_a_second_hang_up_does_not_end_at_once() -> None:
    """Kernel and shell may each send one, so the evidence must still be sealed."""
    heard: list[int] = []
    with interruption.fresh(), interruption.deferred(heard.append):
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGHUP):
            os.kill(os.getpid(), number)

        assert heard == []
        assert interruption.signal_number() == signal.SIGINT


def test_deferred_work_raises_at_its_next_wait() -> None:
    """It is never interrupted elsewhere. A second signal ends it at once."""
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
    """It is not an ``Exception``, so ``except Exception`` does not catch it."""
    assert not issubclass(Interrupted, Exception)
