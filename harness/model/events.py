"""The events of a change: a closed set shared by writers and readers, with a typed detail for each.

In ``timeline.jsonl`` an event is a ``CHANGE`` event whose ``what`` is the value of a ``ChangeEvent``. The values never
change, so that old evidence stays readable. Unknown values are ignored when evidence is read.
"""

from __future__ import annotations

import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Generic, Self, TypeVar

from harness.model.timeline import Detail, Event, EventKind


class ChangeEvent(StrEnum):
    """The events of a change; the values are the words in ``timeline.jsonl``."""

    BEGIN = "begin"
    APPLIED = "applied"
    OBSERVED = "observed"
    NOT_OBSERVED = "not-observed"
    UNDONE = "undone"
    UNDO_OBSERVED = "undo-observed"
    QUIET = "quiet"
    END = "end"
    STEP = "step"
    STEP_OBSERVED = "step-observed"
    STEP_END = "step-end"
    ROLLBACK = "rollback"
    ROLLBACK_OBSERVED = "rollback-observed"
    STARTED = "started"
    STARTED_OBSERVED = "started-observed"
    STARTED_UNDONE = "started-undone"
    STARTED_UNDO_OBSERVED = "started-undo-observed"
    RETIRED = "retired"
    RETIRED_OBSERVED = "retired-observed"
    RETIRED_UNDONE = "retired-undone"
    RETIRED_UNDO_OBSERVED = "retired-undo-observed"
    WITHHELD = "withheld"
    PUT_BACK = "put-back"
    IN_PROGRESS = "in-progress"
    CERTIFICATE_SERVED = "certificate-served"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDetail:
    """Further facts of an event; this type has none. A field that is None is not written."""

    def as_detail(self) -> Detail:
        """Return the facts in their stored form."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in found.items() if value is not None}

    @classmethod
    def read(cls, detail: Detail) -> Self:
        """Parse the stored facts; a missing fact or one of another type becomes None."""
        return cls(**{name: _typed(detail.get(name), kind) for name, kind in _TYPES[cls].items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin(EventDetail):
    """The number of repetitions.

    Attributes:
        times: Number of repetitions.
    """

    times: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted(EventDetail):
    """An action that the API server has accepted.

    Attributes:
        begun: Time just before the request to the API server, nanoseconds of CLOCK_MONOTONIC.
    """

    begun: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied(Acted):
    """The application of the change.

    Attributes:
        object: ``KIND/NAME`` of the changed object.
        fields: Paths of the changed fields, or ``created``.
        force: True if a pod was deleted without its grace period.
        by: Property that sends a request to the candidate: ``header``, ``cookie`` or ``weight``.
        command: A command line that was run.
        code: Its exit code; negative for the number of a signal.
        ms: Its duration in milliseconds.
        output: The end of its output and errors.
        changed: Objects that differ after the command, of those that are compared.
    """

    object: str | None = None
    fields: str | None = None
    force: bool | None = None
    by: str | None = None
    command: str | None = None
    code: int | None = None
    ms: int | None = None
    output: str | None = None
    changed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resized(Acted):
    """A new number of pods as part of a release.

    Attributes:
        deployment: The Deployment.
    """

    deployment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDetail(Acted):
    """One step of a canary.

    Attributes:
        step: Its number, from 1.
        weight: Percent of the requests for the new version.
    """

    step: int | None = None
    weight: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedCertificate(EventDetail):
    """The first connection that got the new certificate.

    Attributes:
        sha256: Beginning of the certificate's fingerprint.
        ms: Milliseconds since the request to the API server.
    """

    sha256: str | None = None
    ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollback(EventDetail):
    """The reason why a canary is rolled back.

    Attributes:
        step: The step in which requests were lost.
        lost: Number of these requests.
    """

    step: int | None = None
    lost: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotObserved(EventDetail):
    """An event that did not occur in time.

    Attributes:
        awaited: The event, or ``rest`` for the whole system.
        missing: What was still missing, as text.
    """

    awaited: str | None = None
    missing: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class End(EventDetail):
    """The end of the change.

    Attributes:
        observed: True if every repetition and every undo was observed.
    """

    observed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld(EventDetail):
    """The reason why the change was not made.

    Attributes:
        lost: Requests lost before the change.
    """

    lost: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBack(EventDetail):
    """The result of an undo outside the change itself.

    Attributes:
        object: Description of the changed object in the undo journal.
        outcome: An ``UndoOutcome``.
        text: Reason, as text.
    """

    object: str | None = None
    outcome: str | None = None
    text: str | None = None


#: The detail type of each event; other events have no detail.
DETAILS: Mapping[ChangeEvent, type[EventDetail]] = {
    ChangeEvent.BEGIN: Begin,
    ChangeEvent.APPLIED: Applied,
    ChangeEvent.NOT_OBSERVED: NotObserved,
    ChangeEvent.UNDONE: Acted,
    ChangeEvent.END: End,
    ChangeEvent.STEP: StepDetail,
    ChangeEvent.STEP_OBSERVED: StepDetail,
    ChangeEvent.STEP_END: StepDetail,
    ChangeEvent.ROLLBACK: Rollback,
    **dict.fromkeys(
        (
            ChangeEvent.STARTED,
            ChangeEvent.STARTED_OBSERVED,
            ChangeEvent.STARTED_UNDONE,
            ChangeEvent.STARTED_UNDO_OBSERVED,
            ChangeEvent.RETIRED,
            ChangeEvent.RETIRED_OBSERVED,
            ChangeEvent.RETIRED_UNDONE,
            ChangeEvent.RETIRED_UNDO_OBSERVED,
        ),
        Resized,
    ),
    ChangeEvent.CERTIFICATE_SERVED: ServedCertificate,
    ChangeEvent.WITHHELD: Withheld,
    ChangeEvent.PUT_BACK: PutBack,
}

NO_DETAIL = EventDetail()


@dataclass(frozen=True, slots=True)
class ResizeEvents:
    """The four events of a Deployment that is scaled as part of a release."""

    made: ChangeEvent
    observed: ChangeEvent
    undone: ChangeEvent
    undo_observed: ChangeEvent


STARTS = ResizeEvents(
    ChangeEvent.STARTED,
    ChangeEvent.STARTED_OBSERVED,
    ChangeEvent.STARTED_UNDONE,
    ChangeEvent.STARTED_UNDO_OBSERVED,
)
RETIRES = ResizeEvents(
    ChangeEvent.RETIRED,
    ChangeEvent.RETIRED_OBSERVED,
    ChangeEvent.RETIRED_UNDONE,
    ChangeEvent.RETIRED_UNDO_OBSERVED,
)

D = TypeVar("D", bound=EventDetail)
D_co = TypeVar("D_co", bound=EventDetail, covariant=True)


@dataclass(frozen=True, slots=True)
class ChangeMoment(Generic[D_co]):
    """An event of a change as read from the timeline.

    Attributes:
        at: Nanoseconds of CLOCK_MONOTONIC.
        event: Type of the event.
        n: Number of the repetition, from 1; 0 if the event belongs to none.
        begun: Time just before the request to the API server; ``at`` if it was not recorded.
        detail: Further facts.
        change: Name of the change.
    """

    at: int
    event: ChangeEvent
    n: int
    begun: int
    detail: D_co
    change: str = ""


def written(
    at: int, change: str, event: ChangeEvent, detail: EventDetail = NO_DETAIL, *, kind: str = "", n: int | None = None
) -> Event:
    """Return an event of a change in the form of the timeline.

    Args:
        at: Nanoseconds of CLOCK_MONOTONIC.
        change: The change's name.
        event: Type of the event.
        detail: Detail of the type in ``DETAILS``.
        kind: The change's kind; empty omits it.
        n: Number of the repetition; None omits it.

    Raises:
        TypeError: The detail has the type of another event.
    """
    expected = DETAILS.get(event, EventDetail)
    if type(detail) is not expected:
        raise TypeError(f"{event} has a detail of type {expected.__name__}, not {type(detail).__name__}")
    head: dict[str, str | int] = {**({"kind": kind} if kind else {}), **({} if n is None else {"n": n})}
    return Event(at, EventKind.CHANGE, change, event.value, {**head, **detail.as_detail()})


def read(timeline: Iterable[Event]) -> Iterator[ChangeMoment[EventDetail]]:
    """Yield the events of the change in the timeline's order; unknown events are ignored."""
    words = {event.value: event for event in ChangeEvent}
    for event in timeline:
        if event.kind is EventKind.CHANGE and event.what in words:
            word, detail = words[event.what], event.detail
            n, begun = _typed(detail.get("n"), int), _typed(detail.get("begun"), int)
            parsed = DETAILS.get(word, EventDetail).read(detail)
            yield ChangeMoment(event.at, word, n or 0, event.at if begun is None else begun, parsed, event.subject)


def of_type(
    moments: Iterable[ChangeMoment[EventDetail]], event: ChangeEvent, kind: type[D]
) -> Iterator[ChangeMoment[D]]:
    """Yield the moments of one event, with the type of its detail."""
    for moment in moments:
        if moment.event is event and isinstance(moment.detail, kind):
            yield ChangeMoment(moment.at, moment.event, moment.n, moment.begun, moment.detail, moment.change)


def _types(cls: type[EventDetail]) -> Mapping[str, type]:
    """Return the type of each field, without the None that each allows."""
    hints = typing.get_type_hints(cls)
    return {field.name: typing.get_args(hints[field.name])[0] for field in fields(cls)}


_DETAIL_TYPES: tuple[type[EventDetail], ...] = (EventDetail, *DETAILS.values())
_TYPES = {cls: _types(cls) for cls in _DETAIL_TYPES}


def _typed(value: Any, kind: type) -> Any:
    """Return a value if it has exactly this type, else None; a ``bool`` is not an ``int`` here."""
    return value if type(value) is kind else None
