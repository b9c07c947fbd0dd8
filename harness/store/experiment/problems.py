"""Everything wrong with an Experiment, gathered with its places instead of stopping at the first."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from harness.errors import Problem
from harness.kit.located_yaml import Document, Place


class Problems:
    """The problems found so far; each is kept once.

    Args:
        document: The Experiment file, whose places are used where no other file is named.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.found: list[Problem] = []

    def add(self, place: Place, message: str, hint: str = "") -> None:
        """Note what is wrong at a place of the Experiment file."""
        self.extend([Problem(message, self.document.file, self.document.line_of(place), hint)])

    def extend(self, problems: Iterable[Problem]) -> None:
        """Note problems that know their own place."""
        self.found += [problem for problem in problems if problem not in self.found]


def near(word: str, known: Iterable[str]) -> str:
    """A hint for a word that isn't known: the nearest of those that are; empty if none is near."""
    known = list(known)
    close = difflib.get_close_matches(word, known, n=1) or [other for other in known if word and word in other]
    return f"did you mean {close[0]!r}?" if close else ""


def listed(words: Iterable[str]) -> str:
    """``a, b, c``, or ``nothing`` (``none`` is the name of a change)."""
    return ", ".join(words) or "nothing"
