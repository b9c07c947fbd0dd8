"""What the harness may ask of an API server: the seam between changes and watchers and whatever serves them.

``harness.kube.client.Kube`` speaks to a real one, ``harness.testing.fake_api.FakeKube`` is one in memory.
Objects are plain dicts as on the wire (camelCase JSON); nobody else's copy is ever shared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

#: A Kubernetes object as on the wire.
Object = dict[str, Any]
Objects = list[Object]
Strategy = Literal["merge", "strategic", "json"]


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """One line of a watch.

    Attributes:
        type: ``ADDED``, ``MODIFIED``, ``DELETED`` or ``BOOKMARK`` (only its resourceVersion means something).
        object: The object; after a deletion, as it was last.
        received_ns: CLOCK_MONOTONIC when the line had arrived.
    """

    type: str
    object: Object
    received_ns: int

    @property
    def version(self) -> str:
        """The resourceVersion to resume from after this event."""
        return str(self.object.get("metadata", {}).get("resourceVersion", ""))


class KubeApi(Protocol):
    """An API server, seen from the harness. Every method raises ``KubeError`` for a refused request."""

    def get(self, kind: str, name: str, namespace: str) -> Object:
        """One object; ``NotFoundError`` where there is none."""

    def list(self, kind: str, namespace: str, *, labels: str = "") -> Objects:
        """All objects of a kind in a namespace that match a label selector."""

    def list_with_version(self, kind: str, namespace: str, *, labels: str = "") -> tuple[Objects, str]:
        """The same, with the resourceVersion to watch from."""

    def is_namespaced(self, manifest: Mapping[str, Any]) -> bool:
        """Return whether objects of a manifest's kind live in namespaces; a kind that is not known is looked up."""

    def create(self, manifest: Mapping[str, Any], namespace: str) -> Object:
        """Create it; ``ConflictError`` where it exists."""

    def apply(self, manifest: Mapping[str, Any], namespace: str) -> Object:
        """Create it, or merge it into the one that exists."""

    def patch(
        self,
        kind: str,
        name: str,
        namespace: str,
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        strategy: Strategy = "merge",
    ) -> Object:
        """Change it; the answer is the object after the change."""

    def delete(self, kind: str, name: str, namespace: str, *, grace: int | None = None) -> None:
        """Ask for its deletion; ``grace`` in seconds, the object's own where ``None``."""

    def watch(self, kind: str, namespace: str, *, since: str, stop: Callable[[], bool]) -> Iterator[WatchEvent]:
        """Follow changes after version ``since`` until ``stop()``, or until the server ends the watch in good order.

        Raises:
            WatchExpiredError: ``since`` is too old; list again.
            WatchInterruptedError: It broke; list again.
        """
