"""Tests of a change's events: their stored values and details, and unknown values."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.model.events import (
    DETAILS,
    Applied,
    ChangeEvent,
    End,
    EventDetail,
    NotObserved,
    StepDetail,
    of_type,
    read,
    written,
)
from harness.model.timeline import Event, EventKind

HARNESS = Path(__file__).parents[2] / "harness"
#: The values in stored evidence.
WORDS = (
    "begin", "applied", "observed", "not-observed", "undone", "undo-observed", "quiet", "end", "step", "step-observed",
    "step-end", "rollback", "rollback-observed", "started", "started-observed", "started-undone",
    "started-undo-observed", "retired", "retired-observed", "retired-undone", "retired-undo-observed", "withheld",
    "put-back", "in-progress", "certificate-served",
)  # fmt: skip


def test_the_values_in_stored_evidence_stay() -> None:
    """With another value, the events of older evidence would be unknown."""
    assert tuple(event.value for event in ChangeEvent) == WORDS


@pytest.mark.parametrize("event", ChangeEvent)
def test_an_event_is_read_as_it_was_written(event: ChangeEvent) -> None:
    """An event is read with its repetition and the type of its detail."""
    detail = DETAILS.get(event, EventDetail)()
    (moment,) = read([written(5, "roll", event, detail, kind="rolling-update", n=2)])

    assert (moment.at, moment.event, moment.n, moment.detail) == (5, event, 2, detail)


@pytest.mark.parametrize("event", ChangeEvent)
def test_a_detail_of_another_event_is_refused(event: ChangeEvent) -> None:
    """A reader could not read such a detail."""
    other = NotObserved() if DETAILS.get(event) is not NotObserved else End()

    with pytest.raises(TypeError, match=event):
        written(5, "roll", event, other)


def test_unknown_facts_are_not_written() -> None:
    """A fact that is None is omitted from the timeline's line."""
    made = written(5, "roll", ChangeEvent.APPLIED, Applied(begun=3, object="Pod/a", force=True), kind="delete-pod", n=1)

    assert made.detail == {"kind": "delete-pod", "n": 1, "begun": 3, "object": "Pod/a", "force": True}
    assert (made.kind, made.subject, made.what) == (EventKind.CHANGE, "roll", "applied")
    assert type(made.what) is str


@pytest.mark.parametrize(
    "foreign",
    [
        Event(1, EventKind.CHANGE, "x", "promoted", {"n": 1}),
        Event(1, EventKind.CHANGE, "x", "", {}),
        Event(1, EventKind.POD, "x", "started", {}),
    ],
)
def test_unknown_events_are_ignored(foreign: Event) -> None:
    """Evidence of another version is read as far as it is understood. A pod's events are not the change's."""
    known = written(2, "x", ChangeEvent.QUIET, n=1)

    assert [moment.event for moment in read([foreign, known])] == [ChangeEvent.QUIET]


def test_details_of_another_type_are_unknown() -> None:
    """A fact of the wrong type is read as None; the event is kept."""
    event = Event(7, EventKind.CHANGE, "x", "step", {"n": "1", "step": "two", "weight": True, "begun": 0.5, "new": 1})
    (moment,) = of_type(read([event]), ChangeEvent.STEP, StepDetail)

    assert (moment.n, moment.begun, moment.detail) == (0, 7, StepDetail())


def test_no_other_module_repeats_the_values() -> None:
    """A value that is repeated elsewhere could differ."""
    words = "|".join(re.escape(word) for word in WORDS if "-" in word and word != "put-back")
    found = [
        f"{path.relative_to(HARNESS)}:{number}"
        for path in HARNESS.rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(rf"""["']({words})["']""", line) and path.name != "events.py"
    ]

    assert found == []
