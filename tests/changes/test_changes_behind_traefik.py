"""Changes behind a controller that takes over whole configurations, rules and endpoints alike."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from harness.changes.perform import perform
from harness.model.changes import ChangeSpec, IngressEdit, SelectorPatch

if TYPE_CHECKING:
    from tests.changes.conftest import World

EDIT = IngressEdit(name="edit", ingress="fruit", annotations={"x/timeout": "{time}"})
NOBODY = SelectorPatch(name="nobody", service="apple-service", selector={"version": "nobody"})


def behind_traefik(world: World, *told: str) -> World:
    """Traefik, which has done what is told and nothing else."""
    world.ingress = set(told)
    world.context = replace(world.context, ingress_signals=frozenset({"configured"}))
    return world


@pytest.mark.parametrize(
    ("change", "again"),
    [
        (EDIT, replace(EDIT, annotations={"x/timeout": "9"})),
        (NOBODY, replace(NOBODY, selector={"version": "nobody-else"})),
    ],
    ids=["edit", "selector"],
)
def test_a_configuration_is_as_good_as_a_reload_or_endpoints(
    world: World, change: ChangeSpec, again: ChangeSpec
) -> None:
    """Where one was taken over the change is seen; where none was it is not, whatever else is told."""
    assert perform(change, behind_traefik(world, "configured").context)
    assert not perform(again, behind_traefik(world, "reload", "endpoints").context)
    assert "the ingress controller to " in world.missing()


def test_an_edit_that_says_nothing_to_traefik_was_seen_by_it(world: World) -> None:
    """An annotation of another controller's: Traefik looked at the Ingress, and had nothing to do."""
    assert perform(EDIT, behind_traefik(world, "sync").context)


def test_endpoints_are_not_seen_by_a_look_at_a_route(world: World) -> None:
    """A look at some Ingress says nothing of the pods behind a Service."""
    assert not perform(NOBODY, behind_traefik(world, "sync").context)
