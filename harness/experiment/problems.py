"""Everything wrong with an Experiment, gathered with its places instead of stopping at the first."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from harness.errors import Problem
from harness.kit.located_yaml import Place, YamlDocument
from harness.model.changes import facts_of


class Problems:
    """The problems found so far; each is kept once.

    Args:
        document: The Experiment file, whose places are used where no other file is named.
    """

    def __init__(self, document: YamlDocument) -> None:
        self.document = document
        self.found: list[Problem] = []

    def add(self, place: Place, message: str, hint: str = "") -> None:
        """Note what is wrong at a place of the Experiment file; of several items on one line it says which it is."""
        for end in range(len(place), 0, -1):
            if self._shares_its_line(place[:end]) and place_text(place[:end]) not in message:
                message = f"{place_text(place[:end])}: {message}"
                break
        self.extend([Problem(message, self.document.file, self.document.line_of(place), hint)])

    def _shares_its_line(self, place: Place) -> bool:
        """Whether a list has another item on the line of this one."""
        lines, last = self.document.lines, place[-1]
        beside = [(*place[:-1], last + step) for step in (-1, 1)] if isinstance(last, int) else []
        return any(place in lines and lines.get(other) == lines[place] for other in beside)

    def extend(self, problems: Iterable[Problem]) -> None:
        """Note problems that know their own place."""
        self.found += [problem for problem in problems if problem not in self.found]


def place_text(place: Place) -> str:
    """``traffic.paths[0].path``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")


def near(word: str, known: Iterable[str]) -> str:
    """A hint for a word that isn't known: the nearest of those that are; empty if none is near."""
    known = list(known)
    close = difflib.get_close_matches(word, known, n=1) or [other for other in known if word and word in other]
    return f"did you mean {close[0]!r}?" if close else ""


def near_kind(word: str, known: Iterable[str]) -> str:
    """Return a hint for an unknown kind of change: the kind that it, or another name of it, comes nearest to."""
    names = {name: kind for kind in known for name in (kind, *facts_of(kind).aliases)}
    close = difflib.get_close_matches(word, names, n=1)
    return f"did you mean {names[close[0]]!r}?" if close else near(word, names.values())


def listed(words: Iterable[str]) -> str:
    """``a, b, c``, or ``nothing`` (``none`` is the name of a change)."""
    return ", ".join(words) or "nothing"
