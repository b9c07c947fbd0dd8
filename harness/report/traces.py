"""Turns failed attempts into table rows, each with its trace: its own moments and the events around it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import replace

from harness.causes.registry import explained
from harness.model.failed import FailedAttempt
from harness.model.verdict import Mark, TrialVerdict
from harness.report.blocks import FailureRow, FailuresTable, TraceEvent
from harness.report.labels import CLOSE_REASONS
from harness.wording import plural

#: Seconds before sending, and after the outcome, in which an event belongs to a trace.
_BEFORE_S, _AFTER_S = 3.0, 1.0
#: Most events in a trace, the nearest ones.
_MOST_EVENTS = 24


def failures(trial: TrialVerdict) -> FailuresTable:
    """Return the table of a trial's failed attempts."""
    folder = trial.directory.split("/")
    which = f" --cell '{folder[1]}' --trial {trial.number}" if folder[0] == "trials" and len(folder) == 3 else ""
    marks = MarksOfTrial(trial.marks)
    because = {cause.code: explained(cause).text for cause in trial.causes}
    return FailuresTable(
        rows=tuple(
            replace(row_of(attempt, marks), because=because.get(attempt.cause, "")) for attempt in trial.failed.kept
        ),
        total=trial.failed.total,
        elsewhere=f"harness export DIR{which}",
        trial=trial.directory,
    )


def row_of(attempt: FailedAttempt, marks: MarksOfTrial) -> FailureRow:
    """Return the row of a failed attempt.

    Args:
        attempt: The attempt.
        marks: The events of its trial.
    """
    begun = attempt.planned if attempt.sent is None else attempt.sent
    ended = begun if attempt.done is None else attempt.done
    moments = [*_own(attempt), *_received(attempt, begun), *marks.around(begun, ended)]
    return FailureRow(
        id=attempt.id,
        at=begun,
        stream=f"{attempt.method} {attempt.path}, {attempt.shape}",
        outcome=attempt.outcome,
        status=attempt.status,
        upstream=attempt.upstream,
        cause=attempt.cause,
        trace=tuple(sorted(moments, key=lambda moment: moment.at)),
    )


def _own(attempt: FailedAttempt) -> Iterator[TraceEvent]:
    """Yield the moments of the attempt and of its connection."""
    yield TraceEvent(attempt.planned, "attempt", "planned")
    if attempt.opened is not None:
        yield TraceEvent(attempt.opened, "connection", f"connection {attempt.connection} established")
    if attempt.sent is not None:
        before = f"after {plural(attempt.carried, 'request')} on this connection" if attempt.carried else ""
        yield TraceEvent(attempt.sent, "attempt", f"sent, {attempt.shape} connection", before)
    if attempt.done is not None:
        status = f" {attempt.status}" if attempt.status else ""
        seen = f"answer: {attempt.answer}" if attempt.answer else f"progress: {attempt.progress}"
        yield TraceEvent(attempt.done, "attempt", f"outcome: {attempt.outcome}{status}", seen)
    if attempt.closed is not None:
        reason = CLOSE_REASONS.get(attempt.closed_by, attempt.closed_by)
        yield TraceEvent(attempt.closed, "connection", f"connection {attempt.connection} ended", reason)


def _received(attempt: FailedAttempt, begun: float) -> Iterator[TraceEvent]:
    """Yield what the pods recorded of the attempt; at its start if the time is unknown."""
    for receipt in attempt.receipts:
        done = "read it" if receipt.what == "read" else f"answered it with {receipt.status}"
        at, when = (begun, "at an unknown time") if receipt.at is None else (receipt.at, "")
        yield TraceEvent(at, "receipt", f"{receipt.pod} {done}", when)


class MarksOfTrial:
    """The events of a trial, by their time, for the traces of its failed attempts."""

    def __init__(self, marks: Iterable[Mark]) -> None:
        # Marks at one time stay in the order in which they are given.
        ordered = sorted(marks, key=lambda mark: mark.at)
        self._times = [mark.at for mark in ordered]
        self._events = [
            TraceEvent(mark.at, mark.kind, f"{mark.subject} {mark.what}".strip(), mark.text) for mark in ordered
        ]

    def around(self, begun: float, ended: float) -> list[TraceEvent]:
        """Return the events around an attempt, the nearest ones."""

        def distance(event: TraceEvent) -> float:
            return max(begun - event.at, event.at - ended, 0.0)

        first = bisect_left(self._times, begun - _BEFORE_S)
        inside = self._events[first : bisect_right(self._times, ended + _AFTER_S)]
        return inside if len(inside) <= _MOST_EVENTS else sorted(inside, key=distance)[:_MOST_EVENTS]
