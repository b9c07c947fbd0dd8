"""A configuration that cannot become ready fails once; its other trials refer to the first."""

from __future__ import annotations

import pytest

from harness.kube.errors import RolloutStuckError
from harness.runner.stuck import StuckConfigurations


def test_a_configuration_that_was_stuck_is_not_tried_again() -> None:
    """The message has the first trial and its reason; a later reason does not replace it."""
    stuck = StuckConfigurations()
    stuck.check("bare")
    stuck.note("bare", "bare--none", "Deployment web cannot become ready: a crash loop.")
    stuck.note("bare", "bare--restart", "something else")

    with pytest.raises(RolloutStuckError, match=r"a crash loop\. Not tried again: trial bare--none"):
        stuck.check("bare")


def test_another_configuration_is_tried() -> None:
    """A patch may correct what keeps the pods from becoming ready."""
    stuck = StuckConfigurations()
    stuck.note("bare", "bare--none", "a crash loop")

    stuck.check("graceful")
