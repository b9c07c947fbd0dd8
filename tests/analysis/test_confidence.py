"""Transitions are the unit of chance: their bounds hold for a fixed number, and at any time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.analysis.confidence import anytime_bound, confidence_of, needed, transitions_of
from harness.analysis.facts import Facts
from harness.model.changes import NoChange
from harness.model.confidence import Transitions
from harness.testing.evidence import CHANGE, quiet_trial, with_losses


@pytest.mark.parametrize(("count", "at_most"), [(1, 0.95), (3, 0.631597), (59, 0.049508), (299, 0.009969)])
def test_without_a_lossy_transition_the_bound_is_that_of_the_formula(count: int, at_most: float) -> None:
    """0 lossy ones in n bound the probability by 1 - 0.05^(1/n)."""
    assert confidence_of(Transitions(count)).at_most == pytest.approx(at_most, abs=1e-6)


def test_the_next_claim_says_how_many_more_it_needs() -> None:
    """59 lossless transitions claim less than 1 in 20, so 56 more than 3."""
    assert needed(0.05) == 59
    found = confidence_of(Transitions(3))
    assert (found.one_in, found.further) == (10, 26)
    assert confidence_of(Transitions(29)).one_in == 20


def test_a_lossy_transition_leaves_no_claim() -> None:
    """One lossy transition in ten bounds the probability, and no number of further ones is named."""
    found = confidence_of(Transitions(10, 1))

    assert (found.further, found.one_in) == (0, 0)
    assert found.at_most == pytest.approx(0.394163, abs=1e-6)


def test_nothing_is_claimed_without_transitions() -> None:
    """A control has no transitions, and no bound."""
    control = transitions_of(Facts.of(quiet_trial(NoChange(name="none"))))

    assert control == Transitions()
    assert confidence_of(control).at_most == 1.0


def test_losses_count_once_per_repetition() -> None:
    """A thousand losses of one repetition are one lossy transition."""
    trial = quiet_trial(replace(CHANGE, times=3))

    assert transitions_of(Facts.of(trial)) == Transitions(3, 0)
    assert transitions_of(Facts.of(with_losses(trial, 1.2, 1.8))) == Transitions(3, 1)


def test_the_anytime_bound_is_wider_than_the_fixed_one() -> None:
    """Looking at any time costs transitions: 73 instead of 59 for 1 in 20, not hundreds."""
    first = next(n for n in range(1, 500) if anytime_bound(Transitions(n)) < 0.05)

    assert needed(0.05) < first <= 75


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2, 0.5])
def test_the_anytime_bound_covers_at_every_look(share: float) -> None:
    """Over 2,000 simulated runs with a look after each transition, the bound ever fails in at most 5 of 100."""
    runs, looks = 2000, 150
    lossy = np.cumsum(np.random.default_rng(7).random((runs, looks)) < share, axis=1)
    bounds = {
        (n, k): anytime_bound(Transitions(n, k))
        for n in range(1, looks + 1)
        for k in np.unique(lossy[:, n - 1]).tolist()
    }
    failed = [any(bounds[n + 1, k] < share for n, k in enumerate(row)) for row in lossy.tolist()]

    assert np.mean(failed) <= 0.05


def test_repeated_looks_at_the_fixed_bound_do_fail() -> None:
    """The reason for the anytime bound: a fixed bound that is looked at after each transition misses more often."""
    runs, looks, share = 2000, 150, 0.2
    lossy = np.cumsum(np.random.default_rng(7).random((runs, looks)) < share, axis=1)
    bounds = {
        (n, k): confidence_of(Transitions(n, k)).at_most
        for n in range(1, looks + 1)
        for k in np.unique(lossy[:, n - 1]).tolist()
    }
    failed = [any(bounds[n + 1, k] < share for n, k in enumerate(row)) for row in lossy.tolist()]

    assert np.mean(failed) > 0.08
