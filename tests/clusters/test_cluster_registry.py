"""Kinds of clusters by name."""

from __future__ import annotations

import pytest

from harness.clusters.kind.provider import KindProvider
from harness.clusters.local.provider import LocalProvider
from harness.clusters.registry import provider
from harness.errors import InvalidInputError


def test_each_kind_has_its_provider() -> None:
    """The word gives the provider of that kind."""
    assert isinstance(provider("local"), LocalProvider)
    assert isinstance(provider("kind"), KindProvider)


@pytest.mark.parametrize(("kind", "message"), [("context", "no `context` clusters"), ("swarm", "no kind of cluster")])
def test_other_kinds_are_refused(kind: str, message: str) -> None:
    """A kind that this version lacks is told from one that nobody knows."""
    with pytest.raises(InvalidInputError, match=message):
        provider(kind)
