"""Kinds of clusters by name."""

from __future__ import annotations

import pytest

from harness.clusters.local.provider import LocalProvider
from harness.clusters.registry import provider
from harness.errors import InvalidInputError


def test_local_is_there() -> None:
    """The word ``local`` gives the local clusters' provider."""
    assert isinstance(provider("local"), LocalProvider)


@pytest.mark.parametrize(("kind", "message"), [("kind", "on `local` clusters only"), ("swarm", "no kind of cluster")])
def test_other_kinds_are_refused(kind: str, message: str) -> None:
    """A kind that this version lacks is told from one that nobody knows."""
    with pytest.raises(InvalidInputError, match=message):
        provider(kind)
