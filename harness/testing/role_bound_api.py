"""An API server that permits exactly what a Role grants, as a Kubernetes authorizer does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.kube.api import KubeApi, Object, Objects, Strategy, WatchEvent
from harness.kube.errors import ConflictError, ForbiddenError
from harness.kube.kinds import KNOWN_KINDS


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """The right to one verb on one resource of an API group (empty for the core group)."""

    group: str
    resource: str
    verb: str


def grants_of(role: Mapping[str, Any]) -> frozenset[Grant]:
    """Return every grant of a Role or ClusterRole manifest."""
    return frozenset(
        Grant(group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    )


class RoleBoundKube:
    """A ``KubeApi`` that passes on the requests that a Role grants, and answers 403 to all others.

    Args:
        kube: The real API server.
        granted: The grants of the Role.

    Attributes:
        used: Grants that were used.
        refused: Grants that were needed and are missing.
    """

    def __init__(self, kube: KubeApi, granted: Iterable[Grant]) -> None:
        self.used: set[Grant] = set()
        self.refused: set[Grant] = set()
        self._kube = kube
        self._granted = frozenset(granted)

    def get(self, kind: str, name: str, namespace: str) -> Object:
        """Return an object."""
        self._authorize("get", kind)
        return self._kube.get(kind, name, namespace)

    def list(self, kind: str, namespace: str, *, labels: str = "") -> Objects:
        """Return all objects of a kind that match the labels."""
        self._authorize("list", kind)
        return self._kube.list(kind, namespace, labels=labels)

    def list_with_version(self, kind: str, namespace: str, *, labels: str = "") -> tuple[Objects, str]:
        """Return the same objects, and the version to watch from."""
        self._authorize("list", kind)
        return self._kube.list_with_version(kind, namespace, labels=labels)

    def is_namespaced(self, manifest: Mapping[str, Any]) -> bool:
        """Return True if a manifest's kind is namespaced."""
        return self._kube.is_namespaced(manifest)

    def create(self, manifest: Mapping[str, Any], namespace: str) -> Object:
        """Create an object."""
        self._authorize("create", manifest["kind"])
        return self._kube.create(manifest, namespace)

    def apply(self, manifest: Mapping[str, Any], namespace: str) -> Object:
        """Create an object, or merge it into the existing one."""
        try:
            return self.create(manifest, namespace)
        except ConflictError:
            return self.patch(manifest["kind"], manifest["metadata"]["name"], namespace, manifest)

    def patch(
        self,
        kind: str,
        name: str,
        namespace: str,
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        strategy: Strategy = "merge",
    ) -> Object:
        """Change an object."""
        self._authorize("patch", kind)
        return self._kube.patch(kind, name, namespace, body, strategy=strategy)

    def delete(self, kind: str, name: str, namespace: str, *, grace: int | None = None) -> None:
        """Delete an object."""
        self._authorize("delete", kind)
        self._kube.delete(kind, name, namespace, grace=grace)

    def evict(self, pod: str, namespace: str) -> None:
        """Evict a pod."""
        self._use(Grant("", "pods/eviction", "create"))
        self._kube.evict(pod, namespace)

    def watch(self, kind: str, namespace: str, *, since: str, stop: Callable[[], bool]) -> Iterator[WatchEvent]:
        """Yield changes after version ``since``."""
        self._authorize("watch", kind)
        return self._kube.watch(kind, namespace, since=since, stop=stop)

    def _authorize(self, verb: str, kind: str) -> None:
        known = KNOWN_KINDS[kind]
        group = known.group_version.rpartition("/")[0]
        self._use(Grant(group, known.plural, verb))

    def _use(self, grant: Grant) -> None:
        if grant not in self._granted:
            self.refused.add(grant)
            message = f"the Role does not grant {grant.verb} on {grant.resource}"
            raise ForbiddenError(f"{grant.verb} {grant.resource}", 403, "Forbidden", message)
        self.used.add(grant)
