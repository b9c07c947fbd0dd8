"""Traces one request: its connection, its tries, the events around it and its cause."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from harness.analysis.accounts.fates import FATES
from harness.analysis.evidence import Tries
from harness.analysis.facts import Facts
from harness.analysis.failed import attempts_at
from harness.causes.attribution import CauseFinder, meant_for
from harness.causes.cause_type import nearest
from harness.causes.context import LossContext
from harness.causes.loss import losses_of
from harness.model.causes import Cause
from harness.model.failed import FailedAttempt, TracedReceipt


@dataclass(frozen=True, slots=True)
class TracedEvent:
    """An event around a request.

    Attributes:
        offset_ms: Time of the event minus the sent time, milliseconds; negative if it came before.
        event: Kind of the event, as in ``Happening``.
        subject: The pod or Service, or one of two changes; empty if it concerns every request.
        derived: True if it was not observed, but follows from other events.
    """

    offset_ms: float
    event: str
    subject: str = ""
    derived: bool = False


@dataclass(frozen=True, slots=True)
class RequestTrace:
    """The trace of one request.

    Attributes:
        cell: The cell's id.
        trial: The trial's number.
        attempt: The request and its connection.
        tries: Its tries by the ingress controller; None if the access log has none.
        is_logged: True if there is an access log.
        is_guessed: True if the pod follows from the timeline, not from a log.
        events: The events around it, ordered by time; empty if it was not lost since the change began.
        cause: Its cause, of this request alone; None if it was not lost since the change began.
        fate: Its fate by all accounts, as in ``Fate``; empty if nothing but the client recorded it.
        receipts: Its receipts, in order of time.
        witnesses: Number of pods that wrote receipts in this trial.
    """

    cell: str
    trial: int
    attempt: FailedAttempt
    tries: Tries | None
    is_logged: bool
    is_guessed: bool = False
    events: tuple[TracedEvent, ...] = ()
    cause: Cause | None = None
    fate: str = ""
    receipts: tuple[TracedReceipt, ...] = ()
    witnesses: int = 0


def trace_of(facts: Facts, cell: str, row: int) -> RequestTrace:
    """Return the trace of the request in a row of the ledger.

    Args:
        facts: Facts of its trial, with the records of its way.
        cell: The cell's id.
        row: The row.
    """
    (attempt,) = attempts_at(facts, np.array([row], dtype=np.intp))
    paths = facts.evidence.paths
    tries = paths.tries.get((int(facts.evidence.attempts["worker"][row]), int(facts.evidence.attempts["number"][row])))
    context = LossContext(facts)
    loss = next(losses_of(facts, context, only=row), None)
    trace = RequestTrace(
        cell=cell,
        trial=facts.evidence.number,
        attempt=attempt,
        tries=tries,
        is_logged=paths.is_logged,
        fate=FATES[facts.joined.fates[row]].value if facts.joined is not None and facts.is_sent[row] else "",
        receipts=attempt.receipts,
        witnesses=len(facts.evidence.others.receipts.logs) if facts.evidence.others is not None else 0,
    )
    if loss is None:
        return trace
    kind = CauseFinder(context).cause_of(loss)
    events = [
        TracedEvent(round(-offset, 1), what.value, moment.subject, moment.derived)
        for what, (offset, moment) in nearest(loss, context).items()
    ]
    return replace(
        trace,
        attempt=replace(attempt, upstream=meant_for(loss), cause=kind.code),
        is_guessed=loss.is_guessed,
        events=tuple(sorted(events, key=lambda event: event.offset_ms)),
        cause=kind.record(kind.subject(loss, context), [loss], context),
    )
