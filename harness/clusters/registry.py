"""Which kinds of clusters there are, by the word that ``--cluster`` takes."""

from __future__ import annotations

from harness.clusters.base import Provider
from harness.clusters.local.provider import LocalProvider
from harness.errors import InvalidInputError, Problem

#: Kinds that the design has and this version doesn't.
_LATER = ("kind", "context")


def provider(kind: str) -> Provider:
    """The provider of a kind of cluster.

    Raises:
        InvalidInputError: There is no such kind, or not in this version.
    """
    if kind == LocalProvider.kind:
        return LocalProvider()
    if kind in _LATER:
        raise InvalidInputError([Problem(f"this version runs on `local` clusters only, not on `{kind}`")])
    raise InvalidInputError([Problem(f"there is no kind of cluster {kind!r}", hint="this version has: local")])
