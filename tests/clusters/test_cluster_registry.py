"""Kinds of clusters are found by name."""

from __future__ import annotations

import pytest

from harness.clusters.registry import PROVIDERS, provider
from harness.errors import InvalidInputError


def test_each_kind_has_its_provider() -> None:
    """Each name gives its provider. Only local clusters are separate for each trial."""
    assert {kind: provider(kind).kind for kind in PROVIDERS} == {"local": "local", "kind": "kind", "context": "context"}
    assert {kind: provider(kind).shared for kind in PROVIDERS} == {"local": False, "kind": True, "context": True}


def test_other_kinds_are_refused() -> None:
    """The error lists the known names."""
    with pytest.raises(InvalidInputError, match="local, kind, context"):
        provider("swarm")
