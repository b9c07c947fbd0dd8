"""Whose turn it was to answer: while a release is under way, an answer that was right before may be wrong now.

The sender accepts what either version answers, since it does not know how far the change has got. The timeline knows.
Between a change's beginning and when it was seen to have happened either version may answer; outside of that only one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from harness.analysis.change_timeline import ChangeTimeline
from harness.analysis.evidence import TrialEvidence
from harness.analysis.moments import Moments
from harness.model.attempt import Outcome
from harness.model.events import ChangeEvent
from harness.model.experiment import Route
from harness.model.schedule import session_of, streams

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]
Times = tuple[Numbers, Numbers]

#: The sender keeps this much of a body; of a longer one nobody can say which pattern it matches.
TEXT_LIMIT = 200
#: Answers by the one and the other version; 0 is neither, or nobody knows.
OLD, NEW = 1, 2
Versions = np.ndarray[tuple[int], np.dtype[np.uint8]]


@dataclass(frozen=True, slots=True)
class Ban:
    """A stretch of time in which a version may not answer.

    Attributes:
        version: ``OLD`` or ``NEW``.
        after: Seconds; requests that were sent from then on.
        before: Seconds; and whose answers were there before then.
        late: Whether it may not answer any more, rather than not yet.
    """

    version: int
    after: float
    before: float
    late: bool


@dataclass(frozen=True, slots=True)
class OutOfTurn:
    """Good answers that came when it was not their giver's turn.

    Attributes:
        early: Answers that only the change makes right, before it.
        late: Answers by a version that the change has taken away from the route, or has taken back.
        strayed: Answers to a session by another candidate than the one it belongs to.
    """

    early: Mask
    late: Mask
    strayed: Mask

    @property
    def wrong(self) -> Mask:
        """All of them."""
        found: Mask = self.early | self.late | self.strayed
        return found

    @classmethod
    def of(cls, evidence: TrialEvidence, sent: Numbers, done: Numbers, moments: Moments) -> OutOfTurn:
        """Hold every good answer against the timeline; ``sent`` and ``done`` in seconds, parallel to the rows."""
        nobody = np.zeros(len(done), dtype=bool)
        good = evidence.attempts["outcome"] == Outcome.OK
        change = evidence.change
        if not change.version_routes or not evidence.origin_ns:
            early = _early_answers(evidence, done, moments.begin)
            return cls(early & good, nobody, nobody)
        version, found = versions(evidence), {False: nobody.copy(), True: nobody.copy()}
        rows = np.isin(evidence.attempts["route"], changed_routes(evidence)) & good
        for ban in _bans(evidence):
            hit = rows & (version == ban.version) & (sent > ban.after) & (done < ban.before)
            found[ban.late] |= hit
        strayed = nobody
        if change.sticky_cookie:
            strayed = _strayed(evidence, version, (sent, done), rows)
        return cls(found[False], found[True], strayed)


def versions(evidence: TrialEvidence) -> Versions:
    """Which version gave each answer on the routes that the change is about: ``OLD``, ``NEW``, or 0."""
    rows, answer = evidence.attempts, evidence.change.new_answer
    found: Versions = np.zeros(len(rows), dtype=np.uint8)
    for index in changed_routes(evidence):
        route, mine = evidence.traffic.routes[index], rows["route"] == index
        for number, text in evidence.responders.items():
            if version := _version(text, answer, route):
                found[mine & (rows["responder"] == number)] = version
    return found


def untold(evidence: TrialEvidence) -> Mask:
    """Answers of which too little was kept to say whose they are: none of the text, or not all of it."""
    whole = [number for number, text in evidence.responders.items() if len(text) < TEXT_LIMIT]
    return np.isin(evidence.attempts["responder"], whole, invert=True)


def changed_routes(evidence: TrialEvidence) -> list[int]:
    """Indices of the routes on which a release changes who answers."""
    keys = evidence.change.version_routes
    return [i for i, route in enumerate(evidence.traffic.routes) if route.key in keys]


def test_windows(evidence: TrialEvidence) -> list[tuple[int, float, float]]:
    """When each repetition of a test of candidates was settled, and when its end began: (n, start, end)."""
    events = ChangeTimeline(evidence)
    return [
        (n, events.settled(events.at(ChangeEvent.OBSERVED, n)), events.begun(ChangeEvent.UNDONE, n))
        for n in range(1, evidence.change.times + 1)
        if events.at(ChangeEvent.OBSERVED, n) < np.inf
    ]


def _version(text: str, answer: str, route: Route) -> int:
    if len(text) >= TEXT_LIMIT:
        return 0
    if fnmatchcase(text, answer):
        return NEW
    return OLD if any(fnmatchcase(text, pattern) for pattern in route.answers) else 0


def _bans(evidence: TrialEvidence) -> Iterator[Ban]:
    """Who may not answer when, on the routes that the change is about."""
    change, events = evidence.change, ChangeTimeline(evidence)

    def over(seen: float) -> float:
        grace = change.old_answers_for
        return events.settled(seen) if grace is None else seen + grace

    begins = [events.begun(ChangeEvent.APPLIED, n) for n in range(1, change.times + 1)]
    yield Ban(NEW, -np.inf, begins[0], late=False)
    for n, following in zip(range(1, change.times + 1), [*begins[1:], np.inf], strict=True):
        if change.takes_all:
            yield Ban(OLD, over(events.at(ChangeEvent.OBSERVED, n)), events.begun(ChangeEvent.UNDONE, n), late=True)
        back = min(events.at(ChangeEvent.UNDO_OBSERVED, n), events.at(ChangeEvent.ROLLBACK_OBSERVED, n))
        yield Ban(NEW, over(back), following, late=True)


def _early_answers(evidence: TrialEvidence, done: Numbers, begin: float | None) -> Mask:
    """Answers called right that only the change makes right, though they were given before it began."""
    rows = evidence.attempts
    early: Mask = np.zeros(len(rows), dtype=bool)
    if begin is None or not evidence.change.answers:
        return early
    for index, route in enumerate(evidence.traffic.routes):
        right = [
            number
            for number, text in evidence.responders.items()
            if len(text) >= TEXT_LIMIT or any(fnmatchcase(text, pattern) for pattern in route.answers)
        ]
        if route.answers and route.key in evidence.change.answers:
            early |= (rows["route"] == index) & (rows["responder"] > 0) & ~np.isin(rows["responder"], right)
    early &= done < begin
    return early


def _strayed(evidence: TrialEvidence, version: Versions, times: Times, rows: Mask) -> Mask:
    """Answers to sessions by another candidate than the first one that they had a cookie of."""
    strayed: Mask = np.zeros(len(rows), dtype=bool)
    for _, _, mine in bound_attempts(evidence, version, times, rows):
        strayed[mine[version[mine] != version[mine[0]]]] = True
    return strayed


def bound_attempts(
    evidence: TrialEvidence, version: Versions, times: Times, rows: Mask
) -> Iterator[tuple[int, int, np.ndarray[tuple[int], np.dtype[np.int64]]]]:
    """Of each session in each repetition of a test: the attempts that carried its cookie, in the order they were sent.

    Until the first answer to an attempt of the test is there a session may have no cookie, and each of its attempts may
    be a stranger to the server: these say nothing. Sessions without any further attempt are left out.

    Yields:
        The repetition, the route, and the attempts' row numbers.
    """
    sent, done = times
    sticky = evidence.change.sticky_cookie
    order, attempts = streams(evidence.traffic), evidence.attempts
    for index in changed_routes(evidence):
        route = evidence.traffic.routes[index]
        if route.cookie != sticky or not route.sessions:
            continue
        chosen = np.flatnonzero(rows & (attempts["route"] == index) & (version > 0))
        session = session_of(attempts["number"][chosen].astype(np.int64), len(order), route.sessions)
        stream = attempts["number"][chosen].astype(np.int64) % len(order)
        key = (attempts["worker"][chosen].astype(np.int64) * len(order) + stream) * route.sessions + session
        for n, start, end in test_windows(evidence):
            within = (sent[chosen] >= start) & (done[chosen] < end)
            for one in np.unique(key[within]):
                mine = chosen[within & (key == one)]
                mine = mine[np.argsort(sent[mine], kind="stable")]
                bound = mine[sent[mine] > done[mine].min()]
                if len(bound):
                    yield n, index, bound
