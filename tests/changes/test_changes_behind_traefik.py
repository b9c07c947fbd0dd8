"""Changes are observed behind a controller whose configurations have rules and endpoints together."""

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
    """Return a context behind Traefik, with the given event."""
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
    """A change is observed by a new configuration, and by no other event."""
    assert perform(change, behind_traefik(world, "configured").context)
    assert not perform(again, behind_traefik(world, "reload", "endpoints").context)
    assert "the ingress controller to " in world.missing()


def test_an_edit_without_effect_is_observed(world: World) -> None:
    """Traefik read an annotation of another controller, and had nothing to do."""
    assert perform(EDIT, behind_traefik(world, "sync").context)


def test_a_sync_of_a_route_does_not_show_endpoints(world: World) -> None:
    """It says nothing about the pods of a Service."""
    assert not perform(NOBODY, behind_traefik(world, "sync").context)
