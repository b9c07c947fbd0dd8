"""Synthetic trials of releases, in which two versions answer. ``harness.testing.evidence`` has other trials."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from harness.analysis.evidence import TrialEvidence
from harness.model.changes import AbTest, BlueGreen, Canary, ChangeSpec, Criterion, Step
from harness.model.events import ChangeEvent
from harness.model.experiment import Pool, Route, TrafficPlan
from harness.model.schedule import session_of, streams
from harness.model.timeline import Event, EventKind
from harness.testing.evidence import BEGIN, NS, at, quiet_trial

#: Numbers of the two versions' answers.
V1, V2 = 1, 2
#: Seed of the choice of answers by the new version.
_SEED = 7

PUBLIC = Route("/apple", ("apple-v1",))
PRIVATE = Route("/preview/apple", ("apple-v2",))
FOR_B = Route("/apple", ("apple-v1",), name="b", headers=(("X-Version", "b"),))
STICKY = Route("/apple", ("apple-v1",), cookie="who", sessions=5)
_ANSWERS = {"/apple": ("apple-v2",)}

BLUE_GREEN = BlueGreen(
    name="blue-green", service="s", selector={"version": "v2"}, public=("/apple",), private=("/preview/apple",),
    answer="apple-v2", grace=2.0, back=1.0, answers=_ANSWERS,
)  # fmt: skip
CANARY = Canary(
    name="canary", ingress="i", path="/apple", service="s", canary="c", route="/apple", answer="apple-v2",
    steps=(Step(10), Step(50)), answers=_ANSWERS,
)  # fmt: skip
BY_HEADER = AbTest(
    name="ab-test", ingress="i", path="/apple", service="s", candidate="c", by="header", key="X-Version", value="b",
    a=("/apple",), b=("b",), answer="apple-v2", success=Criterion(0.01), answers={"b": ("apple-v2",)},
)  # fmt: skip
BY_WEIGHT = AbTest(
    name="ab-test", ingress="i", path="/apple", service="s", candidate="c", by="weight", weight=50, sticky="who",
    a=("/apple",), answer="apple-v2", answers=_ANSWERS,
)  # fmt: skip


def blue_green_trial() -> TrialEvidence:
    """Return a trial that switches between 1 and 2 s and back between 8 and 9 s, always answered correctly."""
    trial = _trial(BLUE_GREEN, (PUBLIC, PRIVATE), 13.0)
    trial = _with_events(
        trial,
        [
            (1.0, ChangeEvent.APPLIED),
            (2.0, ChangeEvent.OBSERVED),
            (8.0, ChangeEvent.UNDONE),
            (9.0, ChangeEvent.UNDO_OBSERVED),
            (9.1, ChangeEvent.END),
        ],
    )
    trial = with_answers(trial, 0.0, 13.0, V2, route=1)
    return with_answers(trial, 1.5, 8.5, V2, route=0)


def canary_trial(shares: tuple[float, float] = (0.1, 0.5)) -> TrialEvidence:
    """Return a trial of two steps, each observed after half a second and held for 8 s, and then undone."""
    trial = _trial(CANARY, (PUBLIC,), 24.0)
    events: list[tuple[float, ChangeEvent]] = [(1.0, ChangeEvent.APPLIED)]
    detail: dict[float, dict[str, int]] = {}
    for number, start in ((1, 1.1), (2, 10.0)):
        step = {"step": number, "weight": CANARY.steps[number - 1].weight}
        for when, what in (
            (start, ChangeEvent.STEP),
            (start + 0.5, ChangeEvent.STEP_OBSERVED),
            (start + 8.5, ChangeEvent.STEP_END),
        ):
            events.append((when, what))
            detail[when] = step
    trial = _with_events(
        trial,
        [
            *events,
            (19.0, ChangeEvent.UNDONE),
            (19.5, ChangeEvent.UNDO_OBSERVED),
            (19.6, ChangeEvent.OBSERVED),
            (19.7, ChangeEvent.END),
        ],
        detail,
    )
    trial = with_share(trial, 1.2, 10.2, shares[0])
    return with_share(trial, 10.2, 19.2, shares[1])


def header_trial() -> TrialEvidence:
    """Return a test by header from 1 to 12 s: A answers its route, and B the one with the header."""
    trial = _trial(BY_HEADER, (PUBLIC, FOR_B), 16.0)
    trial = _with_events(trial, _TEST)
    return with_answers(trial, 1.5, 12.2, V2, route=1)


def sticky_trial() -> TrialEvidence:
    """Return a test by weight from 1 to 12 s with sticky sessions: B answers the odd ones."""
    trial = _with_events(_trial(BY_WEIGHT, (STICKY,), 16.0), _TEST)
    rows = trial.attempts.copy()
    odd = session_of(rows["number"].astype(np.int64), len(streams(trial.traffic)), STICKY.sessions) % 2 == 1
    during = (rows["planned"] >= 1.5 * NS) & (rows["planned"] < 12.2 * NS)
    rows["responder"] = np.where(odd & during, V2, V1)
    return replace(trial, attempts=rows)


_TEST = [
    (1.0, ChangeEvent.APPLIED),
    (2.0, ChangeEvent.OBSERVED),
    (12.0, ChangeEvent.UNDONE),
    (13.0, ChangeEvent.UNDO_OBSERVED),
    (13.1, ChangeEvent.END),
]


def with_answers(evidence: TrialEvidence, start: float, end: float, version: int, route: int = 0) -> TrialEvidence:
    """Make one version answer a route's attempts that were planned in an interval, given in seconds."""
    rows = evidence.attempts.copy()
    rows["responder"][_planned(evidence, start, end, route)] = version
    return replace(evidence, attempts=rows)


def with_share(evidence: TrialEvidence, start: float, end: float, share: float) -> TrialEvidence:
    """Make the new version answer a random share of the first route's attempts."""
    rows = evidence.attempts.copy()
    chosen = np.flatnonzero(_planned(evidence, start, end, 0))
    new = np.random.default_rng(_SEED).random(len(chosen)) < share
    rows["responder"][chosen] = np.where(new, V2, V1)
    return replace(evidence, attempts=rows)


def _planned(
    evidence: TrialEvidence, start: float, end: float, route: int
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    rows = evidence.attempts
    chosen: np.ndarray[tuple[int], np.dtype[np.bool_]] = (
        (rows["route"] == route) & (rows["planned"] >= start * NS) & (rows["planned"] < end * NS)
    )
    return chosen


def _trial(change: ChangeSpec, routes: tuple[Route, ...], stop: float) -> TrialEvidence:
    plan = TrafficPlan(rate=200.0, routes=routes, pool=Pool(size=4), baseline=BEGIN, settle=1.0)
    trial = quiet_trial(change, plan, stop=stop)
    rows = trial.attempts.copy()
    rows["responder"] = V1
    return replace(trial, attempts=rows)


def _with_events(
    evidence: TrialEvidence,
    events: Iterable[tuple[float, ChangeEvent]],
    detail: dict[float, dict[str, int]] | None = None,
) -> TrialEvidence:
    """Replace the events of a rolling update with the change's own."""
    change, kept = evidence.change, [e for e in evidence.timeline if e.kind is not EventKind.CHANGE]
    made = [
        Event(
            at(when), EventKind.CHANGE, change.name, what, {"kind": change.kind, "n": 1, **(detail or {}).get(when, {})}
        )
        for when, what in [(BEGIN, ChangeEvent.BEGIN), *events]
    ]
    return replace(evidence, timeline=tuple(sorted((*kept, *made), key=lambda event: event.at)))
