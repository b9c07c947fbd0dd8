"""The Protocol of an API server, so that changes and watchers work with a real server and with a test double.

``harness.kube.client.Kube`` talks to a real server. ``harness.testing.fake_api.FakeKube`` is one in memory.
Objects are plain dicts as on the wire (camelCase JSON). The caller may change them: no copy is shared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

#: A Kubernetes object as on the wire.
Object = dict[str, Any]
Objects = list[Object]
Strategy = Literal["merge", "strategic", "json"]


def strategy_of(kind: str) -> Strategy:
    """Return how a manifest is merged into an existing object.

    The lists of a Pod are merged item by item: a cluster has added mounts to its containers, and a server refuses
    their removal.
    """
    return "strategic" if kind == "Pod" else "merge"


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """An event of a watch.

    Attributes:
        type: ``ADDED``, ``MODIFIED``, ``DELETED`` or ``BOOKMARK`` (only its resourceVersion is valid).
        object: The object; after a deletion, its last state.
        received_ns: CLOCK_MONOTONIC at which its line was received.
    """

    type: str
    object: Object
    received_ns: int

    @property
    def version(self) -> str:
        """Return the resourceVersion from which to resume after this event."""
        return str(self.object.get("metadata", {}).get("resourceVersion", ""))


class KubeApi(Protocol):
    """An API server. Every method raises ``KubeError`` if its request fails."""

    def get(self, kind: str, name: str, namespace: str) -> Object:
        """Return an object. Raises ``NotFoundError`` if it does not exist."""

    def list(self, kind: str, namespace: str, *, labels: str = "") -> Objects:
        """Return all objects of a kind in a namespace that match a label selector."""

    def list_with_version(self, kind: str, namespace: str, *, labels: str = "") -> tuple[Objects, str]:
        """Return the same objects, and the resourceVersion to watch from."""

    def is_namespaced(self, manifest: Mapping[str, Any]) -> bool:
        """Return True if a manifest's kind is namespaced. An unknown kind is looked up on the server."""

    def create(self, manifest: Mapping[str, Any], namespace: str) -> Object:
        """Create an object. Raises ``ConflictError`` if it exists."""

    def apply(self, manifest: Mapping[str, Any], namespace: str) -> Object:
        """Create an object, or merge the manifest into the existing one."""

    def patch(
        self,
        kind: str,
        name: str,
        namespace: str,
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        strategy: Strategy = "merge",
    ) -> Object:
        """Change an object. Return it as it is after the change."""

    def delete(self, kind: str, name: str, namespace: str, *, grace: int | None = None) -> None:
        """Request the deletion of an object. ``grace`` is in seconds; ``None`` means the object's own grace period."""

    def evict(self, pod: str, namespace: str) -> None:
        """Request the eviction of a pod.

        Raises:
            EvictionRefusedError: Its PodDisruptionBudget allows no eviction now.
        """

    def watch(self, kind: str, namespace: str, *, since: str, stop: Callable[[], bool]) -> Iterator[WatchEvent]:
        """Yield changes after version ``since`` until ``stop()``, or until the server ends the watch normally.

        Raises:
            WatchExpiredError: ``since`` is too old. List again.
            WatchInterruptedError: The watch broke. List again.
        """
