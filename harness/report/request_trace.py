"""Shows the trace of one request as text for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from harness.causes.registry import explained
from harness.causes.remedies import command
from harness.causes.request_trace import RequestTrace
from harness.model.accounts import FATE_NAMES, Fate
from harness.report.labels import CLOSE_REASONS
from harness.wording import count, plural

#: Most characters of an answer.
_ANSWER = 60


def text_of(trace: RequestTrace) -> str:
    """Return the trace as lines."""
    return "\n".join(lines_of(trace))


def lines_of(trace: RequestTrace) -> Iterator[str]:
    """Yield the lines of the trace: the request, its connection, its tries, the events around it, its cause."""
    attempt = trace.attempt
    yield f"{attempt.id}: {attempt.method} {attempt.path}, {attempt.shape} connection"
    yield f"  cell {trace.cell}, trial {trace.trial}"
    late = "" if attempt.sent is None else f", sent {(attempt.sent - attempt.planned) * 1000:.1f} ms later"
    yield f"  planned at {attempt.planned:.3f} s{late}"
    yield from _connection(trace)
    status = f" {attempt.status}" if attempt.status else ""
    lasted = "" if None in (attempt.done, attempt.sent) else f", {_since(trace, attempt.done):+.1f} ms"
    answer = f": {' '.join(attempt.answer.split())[:_ANSWER]}" if attempt.answer else ""
    yield f"  outcome: {attempt.outcome}{status} ({attempt.progress}{lasted}){answer}"
    yield from _tries(trace)
    yield from _receipts(trace)
    yield from _events(trace)
    yield from _cause(trace)


def _since(trace: RequestTrace, at: float | None) -> float:
    """Return the milliseconds from sending to a time."""
    sent = trace.attempt.planned if trace.attempt.sent is None else trace.attempt.sent
    return ((sent if at is None else at) - sent) * 1000


def _connection(trace: RequestTrace) -> Iterator[str]:
    attempt = trace.attempt
    if not attempt.connection:
        yield "  it had no connection"
        return
    carried = plural(attempt.carried, "request")
    opened = "" if attempt.opened is None else f", opened {_since(trace, attempt.opened):+.1f} ms"
    ended = CLOSE_REASONS.get(attempt.closed_by, attempt.closed_by)
    closed = "" if attempt.closed is None else f", ended {_since(trace, attempt.closed):+.1f} ms: {ended}"
    yield f"  connection {count(attempt.connection)}{opened}, had carried {carried}{closed}"


def _tries(trace: RequestTrace) -> Iterator[str]:
    if trace.tries is None:
        yield "  the access log does not have it" if trace.is_logged else "  there is no access log"
    elif not trace.tries.addresses:
        yield f"  the controller tried no pod and answered {trace.tries.status}"
    else:
        pairs = zip(trace.tries.addresses, (*trace.tries.statuses, *["?"] * len(trace.tries.addresses)), strict=False)
        for number, (address, status) in enumerate(pairs, 1):
            yield f"  try {number}: {address} gave {status}"
    if trace.attempt.upstream:
        how = " (from the timeline)" if trace.is_guessed else ""
        yield f"  meant for {trace.attempt.upstream}{how}"


def _receipts(trace: RequestTrace) -> Iterator[str]:
    """Yield what the pods recorded of the request, and what all accounts together show."""
    for receipt in trace.receipts:
        when = "at an unknown time" if receipt.at is None else f"{_since(trace, receipt.at):+.1f} ms"
        done = "read it" if receipt.what == "read" else f"answered it with {receipt.status}"
        yield f"  receipt: {receipt.pod} {done}, {when}"
    if not trace.receipts:
        wrote = f"none of {plural(trace.witnesses, 'pod')} that wrote receipts has one of it"
        yield f"  receipts: {wrote if trace.witnesses else 'no pod wrote receipts'}"
    if trace.fate:
        yield f"  fate: {FATE_NAMES[Fate(trace.fate)]}"


def _events(trace: RequestTrace) -> Iterator[str]:
    if not trace.events:
        return
    yield "  events around it, in ms from sending:"
    for event in trace.events:
        derived = " (derived)" if event.derived else ""
        yield f"    {event.offset_ms:+10.1f}  {event.event} {event.subject}".rstrip() + derived


def _cause(trace: RequestTrace) -> Iterator[str]:
    if trace.cause is None:
        yield "  it was not lost since the change began, so it has no cause"
        return
    sentence = explained(trace.cause)
    yield f"  cause: {trace.cause.code} ({trace.cause.certainty})"
    yield f"    {sentence.text}"
    yield f"    → {sentence.advice}"
    if trace.cause.remedies:
        hides = " (only hides the losses)" if trace.cause.remedies[0].hides else ""
        yield f"    {command(trace.cause.remedies[0])}{hides}"
