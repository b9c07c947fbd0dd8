"""A success must have a status that its route may give; which those are, the plan says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.analysis.evidence import TrialEvidence
from harness.analysis.facts import Facts, impossible_successes
from harness.analysis.judge import judge_trial
from harness.model.verdict import FindingCode
from harness.testing.evidence import quiet_trial


def trial(statuses: tuple[int, ...], given: int) -> TrialEvidence:
    """A trial without a loss in which all routes may give these statuses, and all answers had this one."""
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
def test_a_success_with_a_status_that_was_not_expected_is_impossible(
    statuses: tuple[int, ...], given: int, impossible: bool
) -> None:
    """Any 2xx, or exactly those that the route names."""
    evidence = trial(statuses, given)

    assert impossible_successes(Facts.of(evidence)) == (len(evidence.attempts) if impossible else 0)
    assert (FindingCode.IDENTITY_BROKEN in {f.code for f in judge_trial(evidence).findings}) == impossible


def test_each_route_has_its_own() -> None:
    """What one route may give is impossible on another."""
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
