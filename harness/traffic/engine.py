"""The open loop: it sends each slot at its planned time, whatever became of the slots before it.

A slot that cannot be sent within the tolerance counts as missed and is never sent late.
Missed slots show that the generator was too slow, or that its concurrency limit was too low.
"""

from __future__ import annotations

from time import monotonic_ns
from typing import Any

import gevent

from harness.model.experiment import TrafficPlan
from harness.model.schedule import schedule_of, streams
from harness.model.share import Share
from harness.store.ledger import LedgerFullError
from harness.traffic.event_log import EventLog
from harness.traffic.http.client import Client

#: The longest delay of a slot, in nanoseconds. The timer adds up to 1 ms, a busy machine some 10 ms. A slot that is
#: 250 ms late no longer shows the state of the system at its planned time, and hides an outage of that length.
TOLERANCE_NS = 250_000_000
#: Nanoseconds until the next try when the concurrency limit holds a slot back.
_HELD_BACK_NS = 2_000_000
#: Length of a schedule without an end, in nanoseconds.
_ENDLESS = 2**62


class Engine:
    """Sends the traffic of a plan until it is stopped.

    Args:
        plan: The traffic.
        client: Makes the attempts.
        journal: Receives an event when planning ends early.
        origin_ns: CLOCK_MONOTONIC of the schedule's origin; the client's ledger must have the same.
        seconds: Length of the schedule; 0 lets it go on until it is stopped.
        share: This worker's part of the schedule and of the concurrency; None for all of it.

    Attributes:
        next_slot: The first slot that was neither sent nor counted as missed.
        failure: The reason why planning ended before it was stopped; empty if it did not.
    """

    def __init__(
        self,
        plan: TrafficPlan,
        client: Client,
        journal: EventLog,
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
        self._due = 0
        self._stopped = False

    def start(self) -> None:
        """Begin sending."""
        self._tick()

    def end_at(self, at_ns: int) -> None:
        """Plan no slot from this moment on (CLOCK_MONOTONIC); workers agree on it in advance."""
        self._length = min(self._length, max(0, at_ns - self._origin))

    def stop(self) -> int:
        """Plan no further slot; send all that are due, or count them as missed, before this returns.

        Returns:
            CLOCK_MONOTONIC of the end of the schedule.
        """
        at = min(monotonic_ns(), self._origin + self._length)
        if not self._stopped:
            self._stopped = True
            self._timer.close()
            self._note_standstill(self._due, at)
            if not self.failure:
                self._send_due(at - self._origin, is_last=True)
        return at

    def _tick(self) -> None:
        if self._stopped or self.failure:
            return
        due, self._due = self._due, 0
        self._note_standstill(due, min(monotonic_ns(), self._origin + self._length))
        try:
            self._send_and_wait()
        except Exception as error:
            # Without this the timer would never run again, and the traffic would end silently.
            self._give_up("failed", f"{type(error).__name__}: {error}")
            raise

    def _note_standstill(self, due: int, until: int) -> bool:
        """Report to the client the time, if any, in which this process did not run. At least its first slot is missed.

        Args:
            due: The time at which a slot should have been sent, and was not; 0 if there is none.
            until: The present time, or the end of the schedule if that is earlier: no slot is missed after it.

        Returns:
            True if such a time was reported.
        """
        is_long = bool(due) and until - due > TOLERANCE_NS
        if is_long:
            self._client.stood_still(due, until)
        return is_long

    def _send_and_wait(self) -> None:
        """Send all slots that are due, then set the timer for the next one."""
        begun = monotonic_ns()
        # Add one nanosecond, since a slot at exactly this time is due.
        held_back = not self._send_due(begun - self._origin + 1, is_last=False)
        planned = self._schedule.planned_ns(self.next_slot)
        if self.failure or planned >= self._length:
            return
        due, now = max(self._origin + planned, begun + (_HELD_BACK_NS if held_back else 0)), monotonic_ns()
        # The process may have stood still in this call. Timers of timeouts may go off before the engine's next one.
        is_noted = self._note_standstill(due, min(now, self._origin + self._length))
        self._due = now if is_noted else due
        self._timer.close()
        self._timer = self._loop.timer(max(0, self._due - now) / 1e9)
        self._timer.start(self._tick, update=True)

    def _send_due(self, elapsed: int, *, is_last: bool) -> bool:
        """Send the slots that are due; return False if the concurrency limit held one back."""
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
        """Stop planning; slots from here on have no record, and judging sees that."""
        self.failure = text
        self._journal.record("fault", what=what, text=text, slot=self.next_slot)

    def _slot(self, slot: int, *, is_last: bool) -> bool:
        """Send a slot or count it as missed; return False to try it again later."""
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
