"""Secret headers reach a traffic process through its environment only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.model.experiment import Route, TrafficPlan
from harness.model.secrets import WITHHELD, Secret
from harness.traffic.plan import TrafficChildPlan, read_plan, write_plan
from harness.traffic.withheld import environment_of, reveal, without_secrets

SECRET = "s3cret"
ROUTE = Route("/", headers=(("Authorization", Secret(f"Bearer {SECRET}")), ("X-Tenant", "7")))
PLAN = TrafficPlan(rate=50.0, routes=(ROUTE, replace(ROUTE, path="/cart")))


def stored(tmp_path: Path) -> TrafficPlan:
    """Return the plan as a traffic process reads it; its file has no secret."""
    path = write_plan(TrafficChildPlan(PLAN, {}, tmp_path))
    assert SECRET not in path.read_text()
    return read_plan(path).traffic


def test_a_process_gets_the_headers_of_its_plan(tmp_path: Path) -> None:
    """All routes have them; other headers stay."""
    assert reveal(stored(tmp_path), environment_of(PLAN)) == PLAN


def test_a_process_without_them_fails(tmp_path: Path) -> None:
    """It must not send the text that stands for a secret."""
    with pytest.raises(HarnessError, match="Authorization"):
        reveal(stored(tmp_path), {})


def test_a_plan_without_secrets_needs_no_variable() -> None:
    """Headers of an Experiment file are no secrets."""
    plan = replace(PLAN, routes=(Route("/", headers=(("X-Tenant", "7"),)),))

    assert environment_of(plan) == {}
    assert reveal(plan, {}) == plan


@pytest.mark.parametrize("text", [f"you sent Bearer {SECRET}", f"token={SECRET};"])
def test_an_answer_that_repeats_a_secret_is_stored_without_it(text: str) -> None:
    """With and without its scheme."""
    kept = without_secrets(text, PLAN.routes)

    assert SECRET not in kept
    assert WITHHELD in kept
