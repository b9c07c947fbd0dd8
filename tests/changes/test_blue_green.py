"""A blue-green switch awaits its conditions, retires the old version in time, and can be undone."""

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
    """Return the current selector of the Service."""
    return world.kube.get("Service", "apple-service", NS)["spec"]["selector"]


def replicas(world: World, name: str) -> Any:
    """Return the current number of replicas of a Deployment."""
    return world.kube.get("Deployment", name, NS)["spec"]["replicas"]


def test_a_switch_is_observed(world: World) -> None:
    """The selector is patched, and endpoints, controller and answers follow."""
    assert perform(SWITCH, world.context)
    assert world.what() == ["begin", "applied", "observed", "end"]
    assert selector(world) == {"version": "banana-v1"}


def test_every_public_route_must_answer(world: World) -> None:
    """An answer on another public route, or on the private one, is not sufficient."""
    world.context = replace(world.context, answered=lambda pattern, since, route="": route != "/also")

    assert not perform(SWITCH, world.context)
    assert world.missing() == "an answer like 'banana*' on /also"


@pytest.mark.parametrize(
    ("sabotage", "missing"), [("endpoints", "endpoints"), ("deaf", "ingress"), ("nobody", "any ready pod")]
)
def test_a_switch_without_effect_is_not_observed(world: World, sabotage: str, missing: str) -> None:
    """Each missing condition alone prevents the observation."""
    spec = SWITCH
    if sabotage == "endpoints":
        world.workloads.broken.add(WorkloadPart.ENDPOINTS)
    elif sabotage == "deaf":
        world.ingress.clear()
    else:
        spec = replace(SWITCH, selector={"version": "nobody"})

    assert not perform(spec, world.context)
    assert missing in world.missing()


def test_the_old_version_is_retired_after_the_switch(make_world: Callable[..., World]) -> None:
    """It is retired after its delay, and the end of its pods is awaited."""
    world = make_world(timeout=60)

    assert perform(replace(SWITCH, retire=Retire("apple", 0.05)), world.context)
    assert world.what() == ["begin", "applied", "observed", "retired", "retired-observed", "end"]
    at = {event.what: event.at for event in world.events}
    assert at["retired"] - at["applied"] >= 50_000_000
    assert replicas(world, "apple") == 0


def test_the_old_version_that_goes_at_once_waits_for_nothing(make_world: Callable[..., World]) -> None:
    """Without a delay, it is retired before the switch is observed."""
    world = make_world(timeout=60)

    assert perform(replace(SWITCH, retire=Retire("apple")), world.context)
    assert world.what() == ["begin", "applied", "retired", "observed", "retired-observed", "end"]


def test_remaining_old_pods_are_reported(world: World) -> None:
    """An incomplete retirement is not observed."""
    world.workloads.broken.add(WorkloadPart.DEPLOYMENT_CONTROLLER)

    assert not perform(replace(SWITCH, retire=Retire("apple")), world.context)
    assert "end of the pods of Deployment apple" in world.missing()


def test_the_new_version_is_started_first(make_world: Callable[..., World]) -> None:
    """The switch waits for it only if the spec says so."""
    awaited, hasty = make_world(timeout=60), make_world(timeout=60)

    assert perform(replace(SWITCH, start=Start("banana", 3)), awaited.context)
    assert awaited.what() == ["begin", "started", "started-observed", "applied", "observed", "end"]
    assert replicas(awaited, "banana") == 3
    assert perform(replace(SWITCH, start=Start("banana", 3, wait=False)), hasty.context)
    assert hasty.what() == ["begin", "started", "applied", "observed", "end"]


def test_the_undo_starts_the_old_version_first(make_world: Callable[..., World]) -> None:
    """The undo has the reverse order: the old version is ready before the selector finds it."""
    world = make_world(timeout=60)
    spec = replace(SWITCH, retire=Retire("apple", 0.01), start=Start("banana", 2), back=0.02)

    assert perform(spec, world.context)
    assert world.what()[5:] == [
        "retired", "retired-observed", "retired-undone", "retired-undo-observed", "undone", "undo-observed",
        "started-undone", "started-undo-observed", "end",
    ]  # fmt: skip
    assert selector(world) == {"version": "apple-v1"}
    assert (replicas(world, "apple"), replicas(world, "banana")) == (1, 1)


def test_the_journal_restores_a_lasting_switch(make_world: Callable[..., World]) -> None:
    """If the namespace outlives the trial, the journal alone restores selector and replicas."""
    world = make_world(timeout=60, restore=True)

    assert perform(replace(SWITCH, retire=Retire("apple")), world.context)
    outcomes = [str(result.outcome) for result in undo_all(world.context.undo, world.kube)]
    assert outcomes == ["undone", "undone"]
    assert selector(world) == {"version": "apple-v1"}
    assert replicas(world, "apple") == 1


def test_a_switch_to_the_same_version_is_pointless(world: World) -> None:
    """Nothing is changed, awaited or undone."""
    spec = replace(SWITCH, selector={"version": "apple-v1"}, back=0.01)

    assert not perform(spec, world.context)
    assert "changes nothing" in world.missing()
