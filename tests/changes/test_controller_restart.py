"""A restart of the ingress controller is observed when its new pod serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from harness.changes.perform import perform
from harness.controller_objects import ControllerAddress
from harness.errors import HarnessError
from harness.model.changes import ControllerRestart
from harness.testing.fake_workloads import WorkloadPart

if TYPE_CHECKING:
    from tests.changes.conftest import World
RESTART = ControllerRestart(name="again")


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """Return a world whose ingress controller is the Deployment of apple, in another namespace."""
    made = make_world()
    controller = ControllerAddress(made.context.namespace, "apple", "apple", {})
    made.context = replace(made.context, controller=controller, namespace="elsewhere")
    return made


def test_a_restart_is_observed_when_the_new_pod_serves(world: World) -> None:
    """The rollout is complete, the old pods are gone, and traffic was answered since."""
    assert perform(RESTART, world.context)
    assert world.what() == ["begin", "applied", "observed", "end"]


@pytest.mark.parametrize(
    ("part", "missing"),
    [(WorkloadPart.NEW_PODS, "rollout"), (WorkloadPart.OLD_PODS, "end of the old pods"), (None, "an answer")],
)
def test_a_restart_with_a_missing_condition_is_not_observed(
    world: World, part: WorkloadPart | None, missing: str
) -> None:
    """Each missing condition alone prevents the observation."""
    if part is None:
        world.answers = False
    else:
        world.workloads.broken.add(part)

    assert not perform(RESTART, world.context)
    assert missing in world.missing()


def test_an_unknown_controller_is_refused(world: World) -> None:
    """Nothing is restarted by a guess."""
    world.context = replace(world.context, controller=None)

    with pytest.raises(HarnessError, match="its Deployment is unknown"):
        perform(RESTART, world.context)
