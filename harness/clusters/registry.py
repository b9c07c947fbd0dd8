"""Which kinds of clusters there are, by the word that ``--cluster`` takes."""

from __future__ import annotations

from harness.clusters.base import Provider
from harness.clusters.kind.provider import KindProvider
from harness.clusters.local.provider import LocalProvider
from harness.errors import InvalidInputError, Problem

_HINT = "this version has: local, kind"
#: Kinds that the design has and this version doesn't.
_LATER = ("context",)


def provider(kind: str) -> Provider:
    """The provider of a kind of cluster.

    Raises:
        InvalidInputError: There is no such kind, or not in this version.
    """
    if kind == LocalProvider.kind:
        return LocalProvider()
    if kind == KindProvider.kind:
        return KindProvider()
    if kind in _LATER:
        raise InvalidInputError([Problem(f"this version has no `{kind}` clusters", hint=_HINT)])
    raise InvalidInputError([Problem(f"there is no kind of cluster {kind!r}", hint=_HINT)])
