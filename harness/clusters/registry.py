"""The table of the kinds of clusters, by the value of ``--cluster``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.clusters.base import Provider
from harness.clusters.context.provider import ContextProvider
from harness.clusters.kind.provider import KindProvider
from harness.clusters.local.provider import LocalProvider
from harness.errors import InvalidInputError, Problem

PROVIDERS: Mapping[str, Callable[[], Provider]] = {
    LocalProvider.kind: LocalProvider,
    KindProvider.kind: KindProvider,
    ContextProvider.kind: ContextProvider,
}


def provider(kind: str) -> Provider:
    """Return the provider of a kind of cluster.

    Raises:
        InvalidInputError: There is no such kind.
    """
    if kind not in PROVIDERS:
        known = ", ".join(PROVIDERS)
        raise InvalidInputError([Problem(f"there is no kind of cluster {kind!r}", hint=f"this version has: {known}")])
    return PROVIDERS[kind]()
