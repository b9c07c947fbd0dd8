"""The switch between two versions: what is awaited, what goes when, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from harness.changes.perform import perform
from harness.changes.undo import undo_all
from harness.model.changes import BlueGreen, Retire, Start
from harness.testing.fake_workloads import WorkloadPart

if TYPE_CHECKING:
    from tests.changes.conftest import World
NS = "demo"
SWITCH = BlueGreen(
    name="switch",
    service="apple-service",
    selector={"version": "banana-v1"},
    public=("/apple", "/also"),
    private=("/preview",),
    answer="banana*",
)


def selector(world: World) -> Any:
    """Whom the Service selects now."""
    return world.kube.get("Service", "apple-service", NS)["spec"]["selector"]


def replicas(world: World, name: str) -> Any:
    """How many pods a Deployment asks for now."""
    return world.kube.get("Deployment", name, NS)["spec"]["replicas"]


def test_a_switch_is_seen(world: World) -> None:
    """The selector is patched, and seen by endpoints, controller and answers."""
    assert perform(SWITCH, world.context)
    assert world.what() == ["begin", "applied", "observed", "end"]
    assert selector(world) == {"version": "banana-v1"}


def test_every_public_route_must_answer(world: World) -> None:
    """An answer on one route, or on the private one, says nothing of another."""
    world.context = replace(world.context, answered=lambda pattern, since, route="": route != "/also")

    assert not perform(SWITCH, world.context)
    assert world.missing() == "an answer like 'banana*' on /also"


@pytest.mark.parametrize(
    ("sabotage", "missing"), [("endpoints", "endpoints"), ("deaf", "ingress"), ("nobody", "any ready pod")]
)
def test_a_switch_that_does_not_happen_is_not_seen(world: World, sabotage: str, missing: str) -> None:
    """Each condition alone keeps the switch from being called seen."""
    spec = SWITCH
    if sabotage == "endpoints":
        world.workloads.broken.add(WorkloadPart.ENDPOINTS)
    elif sabotage == "deaf":
        world.ingress.clear()
    else:
        spec = replace(SWITCH, selector={"version": "nobody"})

    assert not perform(spec, world.context)
    assert missing in world.missing()


def test_the_old_version_goes_after_the_switch_was_seen(make_world: Callable[..., World]) -> None:
    """It goes so long after the switch as was asked for, and its pods' end is awaited."""
    world = make_world(timeout=60)

    assert perform(replace(SWITCH, retire=Retire("apple", 0.05)), world.context)
    assert world.what() == ["begin", "applied", "observed", "retired", "retired-observed", "end"]
    at = {event.what: event.at for event in world.events}
    assert at["retired"] - at["applied"] >= 50_000_000
    assert replicas(world, "apple") == 0


def test_the_old_version_that_goes_at_once_waits_for_nothing(make_world: Callable[..., World]) -> None:
    """With no time in between it is gone before anybody has seen the switch."""
    world = make_world(timeout=60)

    assert perform(replace(SWITCH, retire=Retire("apple")), world.context)
    assert world.what() == ["begin", "applied", "retired", "observed", "retired-observed", "end"]


def test_old_pods_that_stay_are_said(world: World) -> None:
    """A retirement that does not end is not called done."""
    world.workloads.broken.add(WorkloadPart.DEPLOYMENT_CONTROLLER)

    assert not perform(replace(SWITCH, retire=Retire("apple")), world.context)
    assert "end of the pods of Deployment apple" in world.missing()


def test_a_new_version_is_brought_up_first(make_world: Callable[..., World]) -> None:
    """It is awaited before the switch, or not, as asked for."""
    awaited, hasty = make_world(timeout=60), make_world(timeout=60)

    assert perform(replace(SWITCH, start=Start("banana", 3)), awaited.context)
    assert awaited.what() == ["begin", "started", "started-observed", "applied", "observed", "end"]
    assert replicas(awaited, "banana") == 3
    assert perform(replace(SWITCH, start=Start("banana", 3, wait=False)), hasty.context)
    assert hasty.what() == ["begin", "started", "applied", "observed", "end"]


def test_the_way_back_brings_the_old_version_up_first(make_world: Callable[..., World]) -> None:
    """Everything in the reverse order: the old version is there again before the selector finds it."""
    world = make_world(timeout=60)
    spec = replace(SWITCH, retire=Retire("apple", 0.01), start=Start("banana", 2), back=0.02)

    assert perform(spec, world.context)
    assert world.what()[5:] == [
        "retired", "retired-observed", "retired-undone", "retired-undo-observed", "undone", "undo-observed",
        "started-undone", "started-undo-observed", "end",
    ]  # fmt: skip
    assert selector(world) == {"version": "apple-v1"}
    assert (replicas(world, "apple"), replicas(world, "banana")) == (1, 1)


def test_what_stays_can_be_put_back_from_the_journal(make_world: Callable[..., World]) -> None:
    """In a namespace that outlives the trial, the journal alone restores selector and replicas."""
    world = make_world(timeout=60, restore=True)

    assert perform(replace(SWITCH, retire=Retire("apple")), world.context)
    outcomes = [str(result.outcome) for result in undo_all(world.context.undo, world.kube)]
    assert outcomes == ["undone", "undone"]
    assert selector(world) == {"version": "apple-v1"}
    assert replicas(world, "apple") == 1


def test_a_switch_to_where_it_points_already_is_pointless(world: World) -> None:
    """Nothing was changed, so nothing is waited for, and nothing undone."""
    spec = replace(SWITCH, selector={"version": "apple-v1"}, back=0.01)

    assert not perform(spec, world.context)
    assert "changes nothing" in world.missing()
