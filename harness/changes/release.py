"""What a change is that has a course of its own: several acts, each awaited before the next."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from harness.changes.course import Course
from harness.model.changes import ChangeSpec

SpecT = TypeVar("SpecT", bound=ChangeSpec)


class Release(ABC, Generic[SpecT]):
    """One kind of change, with its own course.

    Attributes:
        spec: What the user asked for.
    """

    def __init__(self, spec: SpecT) -> None:
        self.spec = spec

    @abstractmethod
    def carry_out(self, course: Course) -> bool:
        """Make one repetition, each undo on disk before its act; whether all of it was seen.

        An ``applied`` and, where all was seen, an ``observed`` are on the timeline when it returns.
        """
