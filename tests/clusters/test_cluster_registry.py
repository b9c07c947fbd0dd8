"""Kinds of clusters by name."""

from __future__ import annotations

import pytest

from harness.clusters.registry import PROVIDERS, provider
from harness.errors import InvalidInputError


def test_each_kind_has_its_provider() -> None:
    """The word gives the provider that goes by it; only local clusters are one per trial."""
    assert {kind: provider(kind).kind for kind in PROVIDERS} == {"local": "local", "kind": "kind", "context": "context"}
    assert {kind: provider(kind).shared for kind in PROVIDERS} == {"local": False, "kind": True, "context": True}


def test_other_kinds_are_refused() -> None:
    """A word that nobody knows is refused, with those that there are."""
    with pytest.raises(InvalidInputError, match="local, kind, context"):
        provider("swarm")
