"""How a change that is one act goes: apply, see, hold, undo, come to rest.

Events of the repetition: ``applied`` and ``observed``; ``undone`` and ``undo-observed`` where it is undone; ``quiet``
before the next.
"""

from __future__ import annotations

from typing import Any

from harness.changes.base import Change, Made, UndoWhen
from harness.changes.course import Course


def repeat(change: Change[Any], course: Course) -> bool:
    """Make it once; whether all of it was seen."""
    stage = course.stage
    made = change.make(stage, course.number)
    course.applied(made)
    seen = course.sees("observed", lambda: change.missing(stage, made), pointless=made.pointless)
    # Counted from the change, but never undone before it was seen: an undo could overtake it.
    course.holds(change.hold, made.applied)
    if stage.put_back_after is not None and made.entry is not None:
        course.holds(stage.put_back_after, stage.clock.now())
    if _undone_now(change, course, made):
        seen = _undo(change, course, made) and seen
    return (course.last or course.rests(made.begun)) and seen


def _undone_now(change: Change[Any], course: Course, made: Made) -> bool:
    when = change.undo_when
    wanted = when is UndoWhen.ALWAYS or (when is UndoWhen.BETWEEN and not course.last)
    return (wanted or course.stage.put_back_after is not None) and made.entry is not None


def _undo(change: Change[Any], course: Course, made: Made) -> bool:
    assert made.entry is not None
    begun = course.stage.clock.now()
    if not course.undoes(made.entry):
        return False
    course.record("undone", {"begun": begun})
    return course.sees("undo-observed", lambda: change.missing_after_undo(course.stage, made, begun))
