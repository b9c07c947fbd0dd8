"""Tests that a success must have a status that its route allows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.analysis.evidence import TrialEvidence
from harness.analysis.facts import Facts, impossible_successes
from harness.findings.instrument import IdentityBroken
from harness.judging.trial import judge_trial
from harness.testing.evidence import quiet_trial


def trial(statuses: tuple[int, ...], given: int) -> TrialEvidence:
    """Return a trial without losses whose routes allow these statuses, and whose answers all had this one."""
    evidence = quiet_trial()
    routes = tuple(replace(route, statuses=statuses) for route in evidence.traffic.routes)
    attempts = evidence.attempts.copy()
    attempts["status"] = given
    return replace(evidence, traffic=replace(evidence.traffic, routes=routes), attempts=attempts)


@pytest.mark.parametrize(
    ("statuses", "given", "impossible"),
    [
        ((), 200, False),
        ((), 204, False),
        ((), 304, True),
        ((), 199, True),
        ((304,), 304, False),
        ((304,), 200, True),
        ((200, 404), 404, False),
        ((200, 404), 500, True),
    ],
)
def test_a_success_with_an_unexpected_status_is_impossible(
    statuses: tuple[int, ...], given: int, impossible: bool
) -> None:
    """Any 2xx is allowed, or exactly the statuses of the route."""
    evidence = trial(statuses, given)

    assert impossible_successes(Facts.of(evidence)) == (len(evidence.attempts) if impossible else 0)
    assert (IdentityBroken.code in {f.code for f in judge_trial(evidence).findings}) == impossible


def test_each_route_has_its_own_statuses() -> None:
    """A status that one route allows is impossible for another."""
    evidence = trial((), 200)
    path = evidence.traffic.routes[0]
    routes = (replace(path, statuses=(404,)), replace(path, path="/other"))
    attempts = evidence.attempts.copy()
    half = len(attempts) // 2
    attempts["route"][half:] = 1
    attempts["status"][:half] = 404
    mixed = replace(evidence, traffic=replace(evidence.traffic, routes=routes), attempts=attempts)
    swapped = replace(mixed, traffic=replace(mixed.traffic, routes=routes[::-1]))

    assert impossible_successes(Facts.of(mixed)) == 0
    assert impossible_successes(Facts.of(swapped)) == len(attempts)
