"""Judges answers by the rules of their route, and recognises who gave them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fnmatch import translate

from harness.model.attempt import Outcome
from harness.model.experiment import Route

#: The first characters of a body identify who answered; the rest adds nothing.
TEXT_LIMIT = 200
#: The most different answers that get a number in a trial. Numbers are useless for an application whose answers all
#: differ.
RESPONDERS = 10_000
#: The most judgements that are cached, each for a route, status and body.
_CACHED = 10_000
_LONGEST_CACHED = 4096


class AnswerBook:
    """Judges complete answers.

    Args:
        routes: The routes, with the rules for their answers.
        announce: Receives number and text of each responder before the number is used.
    """

    def __init__(self, routes: Sequence[Route], announce: Callable[[int, str], None]) -> None:
        self._rules = tuple(_AnswerRule(route) for route in routes)
        self._announce = announce
        self._numbers: dict[str, int] = {}
        self._known: dict[tuple[int, int, bytes], tuple[Outcome, int]] = {}

    def needs_body(self, route: int) -> bool:
        """Return True if judging needs the whole body; otherwise its beginning is enough."""
        return self._rules[route].judges_bodies

    def judge(self, route: int, status: int, body: bytes, *, has_body: bool = True) -> tuple[Outcome, int]:
        """Judge a complete answer.

        Args:
            route: Index of the route.
            status: HTTP status.
            body: The whole body, or its beginning where ``needs_body`` is false.
            has_body: False for an answer to HEAD, which is judged by its status alone.

        Returns:
            ``OK``, ``STATUS`` (invalid for the route) or ``WRONG_ANSWER``, and the responder's number (0 for none).
        """
        if not has_body:
            return (Outcome.OK if self._rules[route].allows(status) else Outcome.STATUS), 0
        if len(body) > _LONGEST_CACHED:
            return self._judge(self._rules[route], status, body)
        key = (route, status, body)
        known = self._known.get(key)
        if known is None:
            known = self._judge(self._rules[route], status, body)
            if len(self._known) < _CACHED:
                self._known[key] = known
        return known

    def _judge(self, rule: _AnswerRule, status: int, body: bytes) -> tuple[Outcome, int]:
        text = body.decode(errors="replace")
        responder = self._responder(text.strip()[:TEXT_LIMIT])
        if not rule.allows(status):
            return Outcome.STATUS, responder
        return (Outcome.OK if rule.accepts(body, text) else Outcome.WRONG_ANSWER), responder

    def _responder(self, text: str) -> int:
        number = self._numbers.get(text, 0)
        if not number and text and len(self._numbers) < RESPONDERS:
            number = len(self._numbers) + 1
            self._announce(number, text)
            self._numbers[text] = number
        return number


class _AnswerRule:
    """The rules of a route, compiled."""

    __slots__ = ("_body", "_globs", "_regex", "_statuses", "judges_bodies")

    def __init__(self, route: Route) -> None:
        self._statuses = frozenset(route.statuses)
        self._globs = tuple(re.compile(translate(pattern)) for pattern in route.answers)
        self._body = None if route.body is None else route.body.encode()
        self._regex = re.compile(route.regex) if route.regex else None
        self.judges_bodies = bool(self._globs or self._regex) or self._body is not None

    def allows(self, status: int) -> bool:
        return status in self._statuses if self._statuses else 200 <= status < 300

    def accepts(self, body: bytes, text: str) -> bool:
        if self._body is not None and body != self._body:
            return False
        if self._regex is not None and not self._regex.search(text):
            return False
        stripped = text.strip()
        return not self._globs or any(glob.match(stripped) for glob in self._globs)
