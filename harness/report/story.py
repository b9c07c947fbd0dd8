"""Shows the story of one request as text for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from harness.causes.registry import explained
from harness.causes.remedies import command
from harness.causes.story import Story
from harness.report.labels import CLOSE_REASONS
from harness.wording import count, plural

#: Most characters of an answer.
_ANSWER = 60


def text_of(story: Story) -> str:
    """Return the story as lines."""
    return "\n".join(lines_of(story))


def lines_of(story: Story) -> Iterator[str]:
    """Yield the lines of the story: the request, its connection, its tries, the events around it, its cause."""
    attempt = story.attempt
    yield f"{attempt.id}: {attempt.method} {attempt.path}, {attempt.shape} connection"
    yield f"  cell {story.cell}, trial {story.trial}"
    late = "" if attempt.sent is None else f", sent {(attempt.sent - attempt.planned) * 1000:.1f} ms later"
    yield f"  planned at {attempt.planned:.3f} s{late}"
    yield from _connection(story)
    status = f" {attempt.status}" if attempt.status else ""
    lasted = "" if None in (attempt.done, attempt.sent) else f", {_since(story, attempt.done):+.1f} ms"
    answer = f": {' '.join(attempt.answer.split())[:_ANSWER]}" if attempt.answer else ""
    yield f"  outcome: {attempt.outcome}{status} ({attempt.progress}{lasted}){answer}"
    yield from _tries(story)
    yield from _events(story)
    yield from _cause(story)


def _since(story: Story, at: float | None) -> float:
    """Return the milliseconds from sending to a time."""
    sent = story.attempt.planned if story.attempt.sent is None else story.attempt.sent
    return ((sent if at is None else at) - sent) * 1000


def _connection(story: Story) -> Iterator[str]:
    attempt = story.attempt
    if not attempt.connection:
        yield "  it had no connection"
        return
    carried = plural(attempt.carried, "request")
    opened = "" if attempt.opened is None else f", opened {_since(story, attempt.opened):+.1f} ms"
    ended = CLOSE_REASONS.get(attempt.closed_by, attempt.closed_by)
    closed = "" if attempt.closed is None else f", ended {_since(story, attempt.closed):+.1f} ms: {ended}"
    yield f"  connection {count(attempt.connection)}{opened}, had carried {carried}{closed}"


def _tries(story: Story) -> Iterator[str]:
    if story.tries is None:
        yield "  the access log does not have it" if story.is_logged else "  there is no access log"
    elif not story.tries.addresses:
        yield f"  the controller tried no pod and answered {story.tries.status}"
    else:
        pairs = zip(story.tries.addresses, (*story.tries.statuses, *["?"] * len(story.tries.addresses)), strict=False)
        for number, (address, status) in enumerate(pairs, 1):
            yield f"  try {number}: {address} gave {status}"
    if story.attempt.upstream:
        how = " (from the timeline)" if story.is_guessed else ""
        yield f"  meant for {story.attempt.upstream}{how}"


def _events(story: Story) -> Iterator[str]:
    if not story.events:
        return
    yield "  events around it, in ms from sending:"
    for event in story.events:
        derived = " (derived)" if event.derived else ""
        yield f"    {event.offset_ms:+10.1f}  {event.event} {event.subject}".rstrip() + derived


def _cause(story: Story) -> Iterator[str]:
    if story.cause is None:
        yield "  it was not lost since the change began, so it has no cause"
        return
    sentence = explained(story.cause)
    yield f"  cause: {story.cause.code} ({story.cause.certainty})"
    yield f"    {sentence.text}"
    yield f"    → {sentence.advice}"
    if story.cause.remedies:
        hides = " (only hides the losses)" if story.cause.remedies[0].hides else ""
        yield f"    {command(story.cause.remedies[0])}{hides}"
