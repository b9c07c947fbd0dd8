"""Synthetic watches for tests of reports."""

from __future__ import annotations

from dataclasses import replace

from harness.analysis.evidence import TrialEvidence
from harness.judging.watch import OriginEvidence, WatchFacts, judge_watch
from harness.model.attempt import Outcome
from harness.model.changes import NoChange
from harness.model.watch import WatchVerdict
from harness.testing.evidence import quiet_trial, with_losses

#: 2026-01-02T03:04:05.5Z in nanoseconds since the Unix epoch.
WALL = 1_767_323_045_500_000_000


def watched(*trials: TrialEvidence, wall: int = WALL) -> WatchVerdict:
    """Return a synthetic watch."""
    facts = WatchFacts(
        urls=("http://shop.example/apple",),
        command="harness watch http://shop.example/apple --for 3s",
        started="2026-01-02T03:04:03+00:00",
        environment={"system": "Debian GNU/Linux 13"},
    )
    origins = [
        OriginEvidence("http://shop.example", "10.0.0.7:80", replace(trial, timeline=(), manifests=()), wall)
        for trial in trials
    ]
    return judge_watch(facts, origins)


def quiet() -> TrialEvidence:
    """Return a watch without losses."""
    return quiet_trial(NoChange(name="none"))


def lossy() -> WatchVerdict:
    """Return a watch with two outages, of which the second was not over."""
    once = with_losses(quiet(), 1.0, 1.12, Outcome.REFUSED)
    return watched(with_losses(once, 2.5, 3.0))
