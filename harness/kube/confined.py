"""Restricts writes on an API server to given namespaces, so that no change can affect objects of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.kube.api import KubeApi, Object, Strategy
from harness.kube.errors import ScopeError


class ConfinedKube:
    """A ``KubeApi`` that reads everything, but writes only in given namespaces.

    Args:
        kube: The API server.
        namespaces: Namespaces in which objects may be created, changed and deleted.
        patched: Cluster-scoped kinds whose objects may be changed.
    """

    def __init__(self, kube: KubeApi, *namespaces: str, patched: frozenset[str] = frozenset()) -> None:
        self._kube = kube
        self._patched = patched
        self._namespaces = frozenset(namespaces)
        self.get = kube.get
        self.list = kube.list
        self.list_with_version = kube.list_with_version
        self.is_namespaced = kube.is_namespaced
        self.watch = kube.watch

    def create(self, manifest: Mapping[str, Any], namespace: str) -> Object:
        """Create an object.

        Raises:
            ScopeError: It would be outside of the given namespaces; nothing was sent.
        """
        self._check("create", str(manifest["kind"]), _name(manifest), namespace)
        return self._kube.create(manifest, namespace)

    def apply(self, manifest: Mapping[str, Any], namespace: str) -> Object:
        """Create an object, or merge the manifest into the existing one.

        Raises:
            ScopeError: It would be outside of the given namespaces; nothing was sent.
        """
        self._check("apply", str(manifest["kind"]), _name(manifest), namespace)
        return self._kube.apply(manifest, namespace)

    def patch(
        self,
        kind: str,
        name: str,
        namespace: str,
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        strategy: Strategy = "merge",
    ) -> Object:
        """Change an object.

        Raises:
            ScopeError: It is outside of the given namespaces; nothing was sent.
        """
        if namespace or kind not in self._patched:
            self._check("patch", kind, name, namespace)
        return self._kube.patch(kind, name, namespace, body, strategy=strategy)

    def delete(self, kind: str, name: str, namespace: str, *, grace: int | None = None) -> None:
        """Request the deletion of an object.

        Raises:
            ScopeError: It is outside of the given namespaces; nothing was sent.
        """
        self._check("delete", kind, name, namespace)
        self._kube.delete(kind, name, namespace, grace=grace)

    def evict(self, pod: str, namespace: str) -> None:
        """Request the eviction of a pod.

        Raises:
            ScopeError: It is outside of the given namespaces; nothing was sent.
        """
        self._check("evict", "Pod", pod, namespace)
        self._kube.evict(pod, namespace)

    def _check(self, verb: str, kind: str, name: str, namespace: str) -> None:
        if namespace in self._namespaces:
            return
        where = f"namespace {namespace}" if namespace else "no namespace"
        mine = ", ".join(sorted(self._namespaces))
        message = f"it is in {where}, but this run may write only in {mine}"
        raise ScopeError(f"{verb} {kind} {name}", 0, "OutsideNamespace", message)


def _name(manifest: Mapping[str, Any]) -> str:
    return str(manifest["metadata"].get("name", ""))
