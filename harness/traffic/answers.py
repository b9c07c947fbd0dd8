"""Is this answer one that the route may give, and who gave it?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from harness.model.attempt import Outcome

#: Bodies are told apart by their first characters; a longer text says no more about who answered.
TEXT_LIMIT = 200
#: Different answers that get a number of their own in a trial; an application that says something else each time
#: has no use for numbers.
RESPONDERS = 10_000
#: Bodies that are remembered with their judgement, per route and status.
_REMEMBERED = 10_000
_LONGEST_REMEMBERED = 4096


class AnswerBook:
    """Judges complete answers.

    Args:
        patterns: For each route, the glob patterns of whole bodies (stripped) that are right; none accepts any.
        announce: Called with the number and text of each responder before its number is used.
    """

    def __init__(self, patterns: Sequence[Sequence[str]], announce: Callable[[int, str], None]) -> None:
        self._patterns = tuple(tuple(route) for route in patterns)
        self._announce = announce
        self._numbers: dict[str, int] = {}
        self._known: dict[tuple[int, int, bytes], tuple[Outcome, int]] = {}

    def judge(self, route: int, status: int, body: bytes) -> tuple[Outcome, int]:
        """Judge a complete answer.

        Args:
            route: Index of the route.
            status: HTTP status.
            body: The whole body.

        Returns:
            ``OK``, ``STATUS`` (not a 2xx) or ``WRONG_ANSWER``; and the responder's number, 0 if it has none.
        """
        key = (route, status, body)
        known = self._known.get(key)
        if known is None:
            known = self._judge(route, status, body.decode(errors="replace").strip())
            if len(body) <= _LONGEST_REMEMBERED and len(self._known) < _REMEMBERED:
                self._known[key] = known
        return known

    def _judge(self, route: int, status: int, text: str) -> tuple[Outcome, int]:
        responder = self._responder(text[:TEXT_LIMIT])
        if not 200 <= status < 300:
            return Outcome.STATUS, responder
        patterns = self._patterns[route]
        if patterns and not any(fnmatchcase(text, pattern) for pattern in patterns):
            return Outcome.WRONG_ANSWER, responder
        return Outcome.OK, responder

    def _responder(self, text: str) -> int:
        number = self._numbers.get(text, 0)
        if not number and text and len(self._numbers) < RESPONDERS:
            number = len(self._numbers) + 1
            self._announce(number, text)
            self._numbers[text] = number
        return number
