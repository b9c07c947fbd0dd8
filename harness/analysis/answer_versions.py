"""Decides which version may answer when: during a release, an answer that was right before may be wrong now.

The sender accepts the answers of both versions, since it does not know the progress of the change. The timeline does.
Between the beginning of a change and its observation either version may answer; at other times only one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from harness.analysis.change_timeline import ChangeTimeline
from harness.analysis.evidence import Rows, TrialEvidence
from harness.analysis.moments import Moments
from harness.model.attempt import Outcome
from harness.model.changes import ChangeSpec
from harness.model.events import ChangeEvent
from harness.model.experiment import Route
from harness.model.schedule import session_of, streams

Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]
Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]
Times = tuple[Numbers, Numbers]
Indices = np.ndarray[tuple[int], np.dtype[np.int64]]

#: Characters of a body that the sender keeps; whether a longer body matches a pattern is unknown.
TEXT_LIMIT = 200
#: Codes of the two versions; 0 means neither or unknown.
OLD, NEW = 1, 2
Versions = np.ndarray[tuple[int], np.dtype[np.uint8]]
#: Answers within so many seconds before the last request without a cookie may all have set it.
_TOGETHER_S = 0.25
#: The least numbers of two, three and more digits.
_POWERS = 10 ** np.arange(1, 20, dtype=np.uint64)


@dataclass(frozen=True, slots=True)
class ForbiddenPeriod:
    """A period in which a version may not answer.

    Attributes:
        version: ``OLD`` or ``NEW``.
        after: Start, seconds; it applies to requests sent later.
        before: End, seconds; it applies to answers that arrived earlier.
        late: True if the version may not answer any more; False if it may not answer yet.
    """

    version: int
    after: float
    before: float
    late: bool


@dataclass(frozen=True, slots=True)
class StickySession:
    """A session that carried its cookie during a test.

    Attributes:
        repetition: The repetition of the test.
        candidate: The version that set its cookie, ``OLD`` or ``NEW``.
        rows: Rows of its good answers that must come from the candidate, in sent order.
    """

    repetition: int
    candidate: int
    rows: Indices


@dataclass(frozen=True, slots=True)
class MistimedAnswers:
    """Good answers by a version that may not answer at that time.

    Attributes:
        early: Answers that only the change, or its second part, makes right, but that came before it began.
        late: Answers of a version that the change, or its undo, has removed from the route.
        strayed: Answers to a sticky session by the other candidate.
    """

    early: Mask
    late: Mask
    strayed: Mask

    @property
    def wrong(self) -> Mask:
        """Return all mistimed answers."""
        found: Mask = self.early | self.late | self.strayed
        return found

    def is_wrong(self, row: int) -> bool:
        """Return True if the answer in one row is mistimed."""
        return bool(self.early[row] or self.late[row] or self.strayed[row])

    @classmethod
    def of(cls, evidence: TrialEvidence, sent: Numbers, done: Numbers, moments: Moments) -> MistimedAnswers:
        """Compare every good answer with the timeline; ``sent`` and ``done`` are in seconds, parallel to the rows."""
        none = np.zeros(len(done), dtype=bool)
        good = evidence.attempts["outcome"] == Outcome.OK
        change = evidence.release
        early = _early_answers(evidence, done, moments.begin) & good
        if not change.version_routes or not evidence.origin_ns:
            return cls(early, none, none)
        version, found = versions(evidence), {False: early, True: none.copy()}
        rows = np.isin(evidence.attempts["route"], changed_routes(evidence)) & good
        for forbidden in _forbidden_periods(evidence):
            hit = rows & (version == forbidden.version) & (sent > forbidden.after) & (done < forbidden.before)
            found[forbidden.late] |= hit
        strayed = none
        if change.sticky_cookie:
            strayed = _strayed(evidence, version, (sent, done), rows)
        return cls(found[False], found[True], strayed)


def versions(evidence: TrialEvidence) -> Versions:
    """Return the version that gave each answer on the changed routes: ``OLD``, ``NEW``, or 0."""
    rows, answer = evidence.attempts, evidence.release.new_answer
    found: Versions = np.zeros(len(rows), dtype=np.uint8)
    for index in changed_routes(evidence):
        route, mine = evidence.traffic.routes[index], rows["route"] == index
        for number, text in evidence.responders.items():
            if version := _version(text, answer, route):
                found[mine & (rows["responder"] == number)] = version
    return found


def unidentified(evidence: TrialEvidence) -> Mask:
    """Return True for answers whose version is unknown, since their text was not kept or not kept whole."""
    whole = [number for number, text in evidence.responders.items() if len(text) < TEXT_LIMIT]
    return np.isin(evidence.attempts["responder"], whole, invert=True)


def changed_routes(evidence: TrialEvidence) -> list[int]:
    """Return the indices of the routes on which a release changes which version answers."""
    keys = evidence.release.version_routes
    return [i for i, route in enumerate(evidence.traffic.routes) if route.key in keys]


def test_windows(evidence: TrialEvidence) -> list[tuple[int, float, float]]:
    """Return the period of each repetition of a test of candidates: (repetition, start, end).

    It starts when routing has settled, and ends with the request to undo the test.
    """
    release = evidence.release
    events = ChangeTimeline(evidence, release.name)
    return [
        (n, events.settled(events.at(ChangeEvent.OBSERVED, n)), events.begun(ChangeEvent.UNDONE, n))
        for n in range(1, release.times + 1)
        if events.at(ChangeEvent.OBSERVED, n) < np.inf
    ]


def _version(text: str, answer: str, route: Route) -> int:
    if len(text) >= TEXT_LIMIT:
        return 0
    if fnmatchcase(text, answer):
        return NEW
    return OLD if any(fnmatchcase(text, pattern) for pattern in route.answers) else 0


def _forbidden_periods(evidence: TrialEvidence) -> Iterator[ForbiddenPeriod]:
    """Yield the periods in which a version may not answer on the changed routes."""
    change, events = evidence.release, ChangeTimeline(evidence, evidence.release.name)

    def over(seen: float) -> float:
        grace = change.old_answers_for
        return events.settled(seen) if grace is None else seen + grace

    begins = [events.begun(ChangeEvent.APPLIED, n) for n in range(1, change.times + 1)]
    yield ForbiddenPeriod(NEW, -np.inf, begins[0], late=False)
    for n, following in zip(range(1, change.times + 1), [*begins[1:], np.inf], strict=True):
        if change.takes_all:
            yield ForbiddenPeriod(
                OLD, over(events.at(ChangeEvent.OBSERVED, n)), events.begun(ChangeEvent.UNDONE, n), late=True
            )
        back = min(events.at(ChangeEvent.UNDO_OBSERVED, n), events.at(ChangeEvent.ROLLBACK_OBSERVED, n))
        yield ForbiddenPeriod(NEW, over(back), following, late=True)


def _early_answers(evidence: TrialEvidence, done: Numbers, begin: float | None) -> Mask:
    """Return True for answers that only a part of the change makes right, but that came before that part began.

    A release has forbidden periods instead.
    """
    early: Mask = np.zeros(len(evidence.attempts), dtype=bool)
    known: dict[str, tuple[str, ...]] = {}
    for part in evidence.change.parts:
        began = _part_begin(evidence, part, begin)
        if began is not None and not part.version_routes:
            early |= _only_by(evidence, part, known) & (done < began)
        known = {key: (*known.get(key, ()), *part.answers.get(key, ())) for key in known.keys() | part.answers.keys()}
    return early


def _part_begin(evidence: TrialEvidence, part: ChangeSpec, begin: float | None) -> float | None:
    """Return when a part of the change began; infinity if it never did although the other one did."""
    if begin is None or part is evidence.change.parts[0]:
        return begin
    moments = ChangeTimeline(evidence, part.name)
    began = [moments.seconds(moment) for moment in moments.moments if moment.event is ChangeEvent.BEGIN]
    return max(begin, *began) if began else np.inf


def _only_by(evidence: TrialEvidence, part: ChangeSpec, known: Mapping[str, tuple[str, ...]]) -> Mask:
    """Return True for answers that a part of the change makes right, and nothing else.

    Args:
        evidence: The trial's evidence.
        part: The part.
        known: Answers that are right before it, in addition to those of the routes, by the route's key.
    """
    rows = evidence.attempts
    found: Mask = np.zeros(len(rows), dtype=bool)
    for index, route in enumerate(evidence.traffic.routes):
        usual = (*route.answers, *known.get(route.key, ()))
        right = [
            number
            for number, text in evidence.responders.items()
            if len(text) >= TEXT_LIMIT or any(fnmatchcase(text, pattern) for pattern in usual)
        ]
        if route.answers and route.key in part.answers:
            found |= (rows["route"] == index) & (rows["responder"] > 0) & ~np.isin(rows["responder"], right)
    return found


def _strayed(evidence: TrialEvidence, version: Versions, times: Times, rows: Mask) -> Mask:
    """Return True for answers to sessions by another candidate than the one whose cookie they got."""
    strayed: Mask = np.zeros(len(rows), dtype=bool)
    for session in sticky_sessions(evidence, version, times, rows):
        strayed[session.rows[version[session.rows] != session.candidate]] = True
    return strayed


def sticky_sessions(evidence: TrialEvidence, version: Versions, times: Times, rows: Mask) -> Iterator[StickySession]:
    """Yield the sessions that carried a cookie, per repetition of a test.

    Requests without a cookie are left out: the server does not know their session. A session has no cookie until the
    controller sets cookies, which may be later than the test was observed. The size of a request shows if it carried a
    cookie.
    """
    sticky, order, attempts = evidence.release.sticky_cookie, streams(evidence.traffic), evidence.attempts
    carried = carried_cookie(evidence)
    for index in changed_routes(evidence):
        route = evidence.traffic.routes[index]
        if route.cookie != sticky or not route.sessions:
            continue
        chosen = np.flatnonzero(rows & (attempts["route"] == index) & (version > 0))
        session = session_of(attempts["number"][chosen].astype(np.int64), len(order), route.sessions)
        key = _stream_keys(attempts[chosen], len(order)) * route.sessions + session
        by_session = np.lexsort((times[0][chosen], key))
        for mine in np.split(chosen[by_session], np.flatnonzero(np.diff(key[by_session])) + 1):
            for n, start, end in test_windows(evidence):
                found = _bound(mine, version, times, (start, end), carried)
                if found is not None:
                    yield StickySession(n, *found)


def carried_cookie(evidence: TrialEvidence) -> Mask | None:
    """Return True for attempts that carried the cookie of their session; None if sizes of requests are not recorded.

    Requests of one stream differ in the digits of their number and in the cookie, and the first ones have no cookie.
    """
    rows = evidence.attempts
    complete = (rows["outcome"] == Outcome.OK) & (rows["bytes_out"] > 0)
    if not complete.any():
        return None
    digits = np.searchsorted(_POWERS, rows["number"], side="right") + 1
    size = rows["bytes_out"].astype(np.int64) - digits
    _, stream = np.unique(_stream_keys(rows, len(streams(evidence.traffic))), return_inverse=True)
    least = np.full(int(stream.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(least, stream[complete], size[complete])
    carried: Mask = complete & (size > least[stream])
    return carried


def _bound(
    mine: Indices, version: Versions, times: Times, window: tuple[float, float], carried: Mask | None
) -> tuple[int, Indices] | None:
    """Return the candidate of a session, and its attempts that must have it; None if it carried no cookie.

    Args:
        mine: The session's good answers, in sent order.
        version: The version of each row.
        times: When each row was sent and done.
        window: Start and end of the test.
        carried: Rows that carried a cookie; None if that is unknown.
    """
    sent, done = times
    within = mine[(sent[mine] >= window[0]) & (done[mine] < window[1])]
    if carried is None:
        # Until the first answer within the test a session may have no cookie.
        bound = within[sent[within] > done[within].min()] if len(within) else within
        return (int(version[bound[0]]), bound[1:]) if len(bound) else None
    bound = within[carried[within]]
    if not len(bound):
        return None
    free = mine[~carried[mine] & (sent[mine] < sent[bound[0]])]
    setters = free[done[free] >= sent[free].max() - _TOGETHER_S] if len(free) else free
    if len(setters) == 1:
        return int(version[setters[0]]), bound
    # Several answers may have set the cookie, so the first answer to a request with it shows the candidate.
    return int(version[bound[0]]), bound[1:]


def _stream_keys(rows: Rows, n_streams: int) -> Indices:
    """Return a number for the worker and the stream of each attempt."""
    keys: Indices = rows["worker"].astype(np.int64) * n_streams + rows["number"].astype(np.int64) % n_streams
    return keys
