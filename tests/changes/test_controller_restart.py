"""The ingress controller's own rolling update: seen when its new pod serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from harness.changes.perform import perform
from harness.errors import HarnessError
from harness.model.changes import ControllerRestart
from harness.model.controllers import ControllerAddress
from harness.testing.fake_workloads import WorkloadPart

if TYPE_CHECKING:
    from tests.changes.conftest import World
RESTART = ControllerRestart(name="again")


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """A world whose ingress controller is the Deployment of apple, in a namespace that is not the workload's."""
    made = make_world()
    controller = ControllerAddress(made.context.namespace, "apple", "apple", {})
    made.context = replace(made.context, controller=controller, namespace="elsewhere")
    return made


def test_it_is_seen_when_the_new_pod_serves(world: World) -> None:
    """Rollout, old pods, and an answer since."""
    assert perform(RESTART, world.context)
    assert world.what() == ["begin", "applied", "observed", "end"]


@pytest.mark.parametrize(
    ("part", "missing"),
    [(WorkloadPart.NEW_PODS, "rollout"), (WorkloadPart.OLD_PODS, "end of the old pods"), (None, "an answer")],
)
def test_it_is_not_seen_otherwise(world: World, part: WorkloadPart | None, missing: str) -> None:
    """Each condition alone keeps it from being called seen."""
    if part is None:
        world.answers = False
    else:
        world.workloads.broken.add(part)

    assert not perform(RESTART, world.context)
    assert missing in world.missing()


def test_a_controller_that_is_not_known_is_said(world: World) -> None:
    """Nothing is restarted by guessing."""
    world.context = replace(world.context, controller=None)

    with pytest.raises(HarnessError, match="its Deployment is unknown"):
        perform(RESTART, world.context)
