"""What a finding's sentence is made from, and what it is made into."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from harness.model.timeline import Detail


@dataclass(frozen=True, slots=True)
class Sentence:
    """A finding for people.

    Attributes:
        text: What was found, and what it means.
        advice: What to do about it; empty where nothing needs to be done.
    """

    text: str
    advice: str = ""


class Given:
    """A finding's numbers; what an older version did not record reads as nothing, so that no report breaks over it."""

    def __init__(self, numbers: Detail) -> None:
        self._numbers = numbers

    def text(self, name: str) -> str:
        """As it is written."""
        return str(self._numbers.get(name, ""))

    def int(self, name: str) -> int:
        """As a whole number; 0 where it is none."""
        return int(self.float(name))

    def float(self, name: str) -> float:
        """As a finite number; 0 where it is none."""
        value = self._numbers.get(name, 0.0)
        return float(value) if not isinstance(value, str) and math.isfinite(value) else 0.0

    def has(self, name: str) -> bool:
        """It was recorded, and is more than nothing."""
        return bool(self._numbers.get(name))

    @property
    def stream(self) -> str:
        """Which stream a finding is about."""
        how = "with slow answers" if self.text("shape") == "slow" else f"on {self.text('shape')} connections"
        return f"{self.text('method')} {self.text('path')} {how}"


#: Makes the sentence of a finding from its numbers.
Teller = Callable[[Given], Sentence]
