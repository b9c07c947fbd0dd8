"""Judges answers by the rules of their route, and recognises who gave them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fnmatch import translate

from harness.model.attempt import REDIRECT, Outcome
from harness.model.experiment import Route

#: The first characters of a body identify who answered; the rest adds nothing.
TEXT_LIMIT = 200
#: The most different answers that get a number in a trial. Numbers are useless for an application whose answers all
#: differ.
RESPONDERS = 10_000
#: The most judgements that are cached, each for a route, status and body.
_CACHED = 10_000
_LONGEST_CACHED = 4096


_LOCATION = re.compile(rb"\r?\nlocation:[ \t]*([^\r\n]*)", re.IGNORECASE)

#: The end of an expression that matches at the end of a body.
_AT_END = re.compile(r"(?<!\\)\$$|\\Z$")


def target_of(head: bytes) -> str:
    """Return the target of a redirect from its head; empty if it has none."""
    found = _LOCATION.search(head.partition(b"\r\n\r\n")[0])
    return found[1].decode("latin-1").strip() if found else ""


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

    def proves_end(self, route: int) -> bool:
        """Return True if the rules say how a right answer ends, so that one that was cut is a wrong one."""
        return self._rules[route].proves_end

    def judge(
        self, route: int, status: int, body: bytes, *, has_body: bool = True, target: str = ""
    ) -> tuple[Outcome, int]:
        """Judge a complete answer.

        Args:
            route: Index of the route.
            status: HTTP status.
            body: The whole body, or its beginning where ``needs_body`` is false.
            has_body: False for an answer to HEAD, which is judged by its status alone.
            target: Target of a redirect, which identifies it instead of its body; empty for any other answer.

        Returns:
            ``OK``, ``STATUS`` (invalid for the route) or ``WRONG_ANSWER``, and the responder's number (0 for none).
        """
        if not has_body:
            return (Outcome.OK if self._rules[route].allows(status) else Outcome.STATUS), self._redirect(target)
        if target:
            return self._rules[route].outcome(status, body, body.decode(errors="replace")), self._redirect(target)
        if len(body) > _LONGEST_CACHED:
            return self._judge(self._rules[route], status, body)
        key = (route, status, body)
        known = self._known.get(key)
        if known is None:
            known = self._judge(self._rules[route], status, body)
            if len(self._known) < _CACHED:
                self._known[key] = known
        return known

    def _redirect(self, target: str) -> int:
        return self._responder(f"{REDIRECT}{target}"[:TEXT_LIMIT]) if target else 0

    def _judge(self, rule: _AnswerRule, status: int, body: bytes) -> tuple[Outcome, int]:
        text = body.decode(errors="replace")
        return rule.outcome(status, body, text), self._responder(text.strip()[:TEXT_LIMIT])

    def _responder(self, text: str) -> int:
        number = self._numbers.get(text, 0)
        if not number and text and len(self._numbers) < RESPONDERS:
            number = len(self._numbers) + 1
            self._announce(number, text)
            self._numbers[text] = number
        return number


class _AnswerRule:
    """The rules of a route, compiled."""

    __slots__ = ("_body", "_globs", "_regex", "_statuses", "judges_bodies", "proves_end")

    def __init__(self, route: Route) -> None:
        self._statuses = frozenset(route.statuses)
        self._globs = tuple(re.compile(translate(pattern)) for pattern in route.answers)
        self._body = None if route.body is None else route.body.encode()
        self._regex = re.compile(route.regex) if route.regex else None
        self.judges_bodies = bool(self._globs or self._regex) or self._body is not None
        self.proves_end = self._body is not None or _have_ends(route.answers) or _has_end(self._regex)

    def allows(self, status: int) -> bool:
        return status in self._statuses if self._statuses else 200 <= status < 300

    def outcome(self, status: int, body: bytes, text: str) -> Outcome:
        if not self.allows(status):
            return Outcome.STATUS
        return Outcome.OK if self._accepts(body, text) else Outcome.WRONG_ANSWER

    def _accepts(self, body: bytes, text: str) -> bool:
        if self._body is not None and body != self._body:
            return False
        if self._regex is not None and not self._regex.search(text):
            return False
        stripped = text.strip()
        return not self._globs or any(glob.match(stripped) for glob in self._globs)


def _have_ends(patterns: Sequence[str]) -> bool:
    """Return True if there are patterns, and none matches the beginning of an answer that another one describes."""
    return bool(patterns) and not any(
        pattern.endswith("*") or any(other != pattern and other.startswith(pattern) for other in patterns)
        for pattern in patterns
    )


def _has_end(regex: re.Pattern[str] | None) -> bool:
    """Return True if an expression matches at the end of a body only."""
    return regex is not None and not regex.flags & re.MULTILINE and bool(_AT_END.search(regex.pattern))
