"""The open loop: each slot is sent at its time, whatever became of the slots before it.

A slot that can't be sent within the tolerance is a counted missed slot: it says that the generator was too slow, or
its concurrency limit too low, and it is never sent late as if it had been on time.
"""

from __future__ import annotations

from time import monotonic_ns
from typing import Any

import gevent

from harness.model.experiment import TrafficPlan
from harness.model.schedule import schedule_of, streams
from harness.model.share import Share
from harness.store.ledger import LedgerFullError
from harness.traffic.event_log import Journal
from harness.traffic.http.client import Client

#: How late a slot may be sent, in nanoseconds. The timer is good for 1 ms and a busy machine for some 10 ms; a slot
#: that is 250 ms late would no longer say how the system was when it was planned, and hides an outage of that length.
TOLERANCE_NS = 250_000_000
#: How soon it is tried again when the concurrency limit holds a slot back, in seconds.
_HELD_BACK = 0.002
#: The length in nanoseconds of a schedule that has no end of its own.
_ENDLESS = 2**62


class Engine:
    """Sends the traffic of a plan until it is stopped.

    Args:
        plan: The traffic.
        client: Makes the attempts.
        journal: Told when planning ends early.
        origin_ns: CLOCK_MONOTONIC of the schedule's origin; the client's ledger must have the same.
        seconds: Length of the schedule, beyond which nothing is planned; 0 lets it go on until it is stopped.
        share: This worker's part of the schedule and of the concurrency; None is all of it.

    Attributes:
        next_slot: Slots before this one have been sent or counted as missed.
        failure: Why planning ended before it was stopped; empty if it did not.
    """

    def __init__(
        self,
        plan: TrafficPlan,
        client: Client,
        journal: Journal,
        *,
        origin_ns: int,
        seconds: float = 0.0,
        share: Share | None = None,
    ) -> None:
        self.next_slot = 0
        self.failure = ""
        self._plan = plan
        self._client = client
        self._journal = journal
        self._origin = origin_ns
        self._length = round(seconds * 1e9) or _ENDLESS
        self._schedule = schedule_of(plan, share)
        self._concurrency = share.part(plan.concurrency) if share is not None else plan.concurrency
        self._streams = len(streams(plan))
        self._loop: Any = gevent.get_hub().loop
        self._timer: Any = self._loop.timer(0)
        self._stopped = False

    def start(self) -> None:
        """Begin sending."""
        self._tick()

    def end_at(self, at_ns: int) -> None:
        """Plan no slot from this moment on (CLOCK_MONOTONIC): what several workers agree on beforehand."""
        self._length = min(self._length, max(0, at_ns - self._origin))

    def stop(self) -> int:
        """Plan no further slot; those that are due by now are sent or counted as missed before this returns.

        Returns:
            CLOCK_MONOTONIC of the end of the schedule.
        """
        at = min(monotonic_ns(), self._origin + self._length)
        if not self._stopped:
            self._stopped = True
            self._timer.close()
            if not self.failure:
                self._send_due(at - self._origin, is_last=True)
        return at

    def _tick(self) -> None:
        if self._stopped or self.failure:
            return
        try:
            self._send_and_rest()
        except Exception as error:
            # Without this the timer would not run again, and the traffic end without a word.
            self._give_up("failed", f"{type(error).__name__}: {error}")
            raise

    def _send_and_rest(self) -> None:
        """Send what is due now, then set the timer for what comes next."""
        now = monotonic_ns() - self._origin
        # One nanosecond on, since a slot at this very moment is due.
        held_back = not self._send_due(now + 1, is_last=False)
        if self.failure or self._schedule.planned_ns(self.next_slot) >= self._length:
            return
        delay = (self._schedule.planned_ns(self.next_slot) - (monotonic_ns() - self._origin)) / 1e9
        self._timer.close()
        self._timer = self._loop.timer(max(_HELD_BACK if held_back else 0.0, delay))
        self._timer.start(self._tick, update=True)

    def _send_due(self, elapsed: int, *, is_last: bool) -> bool:
        """Send what is due; returns whether the concurrency limit let all of it pass."""
        due = self._schedule.slots_until(min(elapsed, self._length))
        try:
            while self.next_slot < due:
                if not self._slot(self.next_slot, is_last=is_last):
                    return False
                self.next_slot += 1
        except LedgerFullError as error:
            self._give_up("ledger-full", str(error))
        return True

    def _give_up(self, what: str, text: str) -> None:
        """Plan nothing more: slots from here on have no record, which the judge sees."""
        self.failure = text
        self._journal.record("fault", what=what, text=text, slot=self.next_slot)

    def _slot(self, slot: int, *, is_last: bool) -> bool:
        """Send a slot or count it as missed; False leaves it for later."""
        planned = self._schedule.planned_ns(slot)
        index = slot % self._streams
        is_late = monotonic_ns() - self._origin - planned > TOLERANCE_NS
        is_held_back = self._client.in_flight >= self._concurrency
        if is_late or (is_held_back and is_last):
            self._client.miss(planned, index)
        elif is_held_back:
            return False
        else:
            self._client.begin(planned, index)
        return True
