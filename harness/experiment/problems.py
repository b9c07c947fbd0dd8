"""The problems of an Experiment, collected with their places instead of stopping at the first."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from harness.errors import Problem
from harness.kit.located_yaml import Place, YamlDocument
from harness.model.changes import facts_of
from harness.problem_codes import ProblemCode

#: Problems whose values are removed from the object, so that the rest can be checked.
_REMOVED = frozenset({ProblemCode.UNKNOWN_FIELD, ProblemCode.WRONG_TYPE, ProblemCode.UNKNOWN_KIND})
#: Problems of finished objects.
_CONSEQUENCES = frozenset(
    {ProblemCode.API_REFUSES, ProblemCode.NO_IMAGE, ProblemCode.FIELD_NOT_IMPLEMENTED, ProblemCode.WRONG_PORT}
)


class Problems:
    """The problems found so far, each once.

    Args:
        document: The Experiment file; places without a file are places in it.
    """

    def __init__(self, document: YamlDocument) -> None:
        self.document = document
        self.found: list[Problem] = []

    def add(self, code: ProblemCode, place: Place, message: str, hint: str = "", *, names_place: bool = False) -> None:
        """Add a problem at a place of the Experiment file.

        Args:
            code: The kind of problem.
            place: Path of the field or item.
            message: The problem and the expectation, in a sentence. If several items share the line, the message is
                prefixed with the path of the item.
            hint: The way out; may be empty.
            names_place: The message has the path already.
        """
        item = "" if names_place else self._item_on_shared_line(place)
        message = f"{item}: {message}" if item else message
        self.extend([Problem(message, self.document.file, self.document.line_of(place), hint, code=code)])

    def _item_on_shared_line(self, place: Place) -> str:
        """Return the path of the innermost item that shares its line with a neighbour; empty if none does."""
        ends = (end for end in range(len(place), 0, -1) if self._shares_its_line(place[:end]))
        return next((place_text(place[:end]) for end in ends), "")

    def _shares_its_line(self, place: Place) -> bool:
        lines, last = self.document.lines, place[-1]
        neighbours = [(*place[:-1], last + step) for step in (-1, 1)] if isinstance(last, int) else []
        return any(place in lines and lines.get(other) == lines[place] for other in neighbours)

    def extend(self, problems: Iterable[Problem]) -> None:
        """Add problems that have a file and line of their own; those already found are ignored."""
        for problem in problems:
            if problem not in self.found:
                self.found.append(problem)

    def drop_consequences(self) -> None:
        """Remove the problems that an object has only because an invalid value was removed from the same line."""
        removed = {(each.file, each.line) for each in self.found if each.code in _REMOVED}
        self.found = [
            each for each in self.found if each.code not in _CONSEQUENCES or (each.file, each.line) not in removed
        ]


def place_text(place: Place) -> str:
    """Return a path in the notation of messages: ``traffic.paths[0].path``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")


def near(word: str, known: Iterable[str]) -> str:
    """Return a hint with the known word that is nearest to an unknown one; empty if none is near."""
    known = list(known)
    close = difflib.get_close_matches(word, known, n=1) or [other for other in known if word and word in other]
    return f"did you mean {close[0]!r}?" if close else ""


def near_kind(word: str, known: Iterable[str]) -> str:
    """Return a hint with the kind of change nearest to an unknown one, by its word or one of its aliases."""
    names = {name: kind for kind in known for name in (kind, *facts_of(kind).aliases)}
    close = difflib.get_close_matches(word, names, n=1)
    return f"did you mean {names[close[0]]!r}?" if close else near(word, names.values())


def listed(words: Iterable[str]) -> str:
    """Return ``a, b, c``; ``nothing`` for no words, since ``none`` is the name of a change."""
    return ", ".join(words) or "nothing"
