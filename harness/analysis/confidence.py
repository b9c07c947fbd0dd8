"""Bounds the probability that a transition is lossy, once after a fixed number and at any time while more are run."""

from __future__ import annotations

import math

import numpy as np

from harness.analysis.change_timeline import ChangeTimeline
from harness.analysis.facts import Facts
from harness.analysis.proportions import clopper_pearson
from harness.model.confidence import Confidence, Transitions
from harness.model.events import ChangeEvent

#: Confidence of bounds in reports.
LEVEL = 0.95
#: Claims in their order: less than one in so many.
_CLAIMS = tuple(digit * 10**power for power in range(1, 7) for digit in (1, 2, 5))
#: Steps of bisection: more than a double has binary digits.
_HALVINGS = 60
#: The exponent above which the wealth of a bet is large enough whatever the level.
_MOST_LOG = 500.0


def transitions_of(facts: Facts) -> Transitions:
    """Return the observed repetitions of a trial's change, and those in which a request was lost."""
    if facts.evidence.change.facts.is_control:
        return Transitions()
    timeline = ChangeTimeline(facts.evidence)
    numbers = sorted(facts.moments.applied & facts.moments.observed)
    starts = np.array([timeline.begun(ChangeEvent.APPLIED, n) for n in numbers])
    lost = facts.done_s[facts.is_lost & ~facts.is_before]
    which = np.searchsorted(starts, np.nan_to_num(lost, nan=math.inf), side="right") - 1
    return Transitions(len(numbers), len(np.unique(np.maximum(which, 0))) if numbers and len(lost) else 0)


def confidence_of(transitions: Transitions, level: float = LEVEL) -> Confidence:
    """Return the claim that a fixed number of transitions allows."""
    count, lossy = transitions.count, transitions.lossy
    # One tail of the two-sided interval at this level is the one-sided bound.
    at_most = clopper_pearson(lossy, count, 2 * level - 1).high
    one_in = next((claim for claim in _CLAIMS if at_most > 1 / claim), 0) if not lossy else 0
    further = needed(1 / one_in, level) - count if one_in else 0
    return Confidence(count, lossy, level, round(at_most, 6), further, one_in)


def needed(share: float, level: float = LEVEL) -> int:
    """Return how many lossless transitions, and no lossy one, bound the probability below a share."""
    return math.ceil(math.log(1 - level) / math.log1p(-share) - 1e-9)


def anytime_bound(transitions: Transitions, level: float = LEVEL) -> float:
    """Return an upper bound of the probability that holds at every look, however often one looks.

    A bound for a fixed number is wrong if one stops when it pleases. This one is a confidence sequence: two martingales
    bet against each probability, one that all transitions are lossless, one by a mixture over a uniform prior
    (beta-binomial). By Ville's inequality, their mean against the true probability ever exceeds
    ``1 / (1 - level)`` with a probability of at most ``1 - level``. So each probability at which it does is excluded.
    """
    count, lossy = transitions.count, transitions.lossy
    low, high = lossy / count if count else 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if _wealth(middle, count, lossy) >= 1 / (1 - level) else (middle, high)
    return high


def _wealth(share: float, count: int, lossy: int) -> float:
    """Return the mean of both martingales against a probability."""
    if not 0 < share < 1:
        return math.inf if count else 1.0
    likelihood = lossy * math.log(share) + (count - lossy) * math.log1p(-share)
    mixture = math.lgamma(lossy + 1) + math.lgamma(count - lossy + 1) - math.lgamma(count + 2) - likelihood
    sure = math.exp(min(-likelihood, _MOST_LOG)) if not lossy else 0.0
    return (math.exp(min(mixture, _MOST_LOG)) + sure) / 2
