"""An API server in memory, for tests of changes and watches without a cluster.

It keeps the guarantees of a real one: versions that only grow, generations that grow with the spec, watches that miss
nothing since their version, and 410 for history that is gone. It runs no controllers: a test adds those that it
needs (``reactions``), and none if a change must have no effect.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonpatch
import jsonpointer

from harness.kube.api import Object, Objects, Strategy, WatchEvent, strategy_of
from harness.kube.errors import ConflictError, NotFoundError, RejectedError, WatchExpiredError, WatchInterruptedError
from harness.kube.kinds import KNOWN_KINDS
from harness.kube.scopes import CLUSTER_SCOPED, check_scope, is_cluster_scoped
from harness.kube.strategic import json_merge, strategic_merge

_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class _Written:
    version: int
    type: str
    key: _Key
    object: Object


class FakeKube:
    """A ``KubeApi`` in memory.

    Attributes:
        reactions: Controllers. Each is called with this object after every write of the harness, outside the lock.
        refusals: Verb (``patch``) -> exception to raise before anything is done.
        cluster_scoped: Further cluster-scoped kinds.
        budgets: Each is called with the name of a pod before its eviction, and may raise to refuse it.
    """

    def __init__(self) -> None:
        self.reactions: list[Callable[[FakeKube], None]] = []
        self.refusals: dict[str, Exception] = {}
        self.cluster_scoped: set[str] = set()
        self.budgets: list[Callable[[str], None]] = []
        self._objects: dict[_Key, Object] = {}
        self._log: list[_Written] = []
        self._version = 1000
        self._oldest = 0
        self._breaks = 0
        self._changed = threading.Condition(threading.RLock())

    # Requests of the harness.

    def get(self, kind: str, name: str, namespace: str) -> Object:
        """Return an object."""
        self._refuse("get")
        with self._changed:
            return deepcopy(self._find((kind, namespace, name)))

    def list(self, kind: str, namespace: str, *, labels: str = "") -> Objects:
        """Return all objects of a kind that match ``labels`` (``a=b,c=d``). An empty namespace means all of them."""
        return self.list_with_version(kind, namespace, labels=labels)[0]

    def list_with_version(self, kind: str, namespace: str, *, labels: str = "") -> tuple[Objects, str]:
        """Return the same objects, and the version to watch from."""
        self._refuse("list")
        wanted = dict(part.split("=", 1) for part in labels.split(",") if part)
        with self._changed:
            found = [
                deepcopy(obj) for key, obj in self._objects.items() if key[0] == kind and namespace in ("", key[1])
            ]
            version = str(self._version)
        return [obj for obj in found if wanted.items() <= obj["metadata"].get("labels", {}).items()], version

    def is_namespaced(self, manifest: Mapping[str, Any]) -> bool:
        """Return True if a manifest's kind is namespaced."""
        return not is_cluster_scoped(manifest) and self._lives_in_namespaces(manifest["kind"])

    def create(self, manifest: Mapping[str, Any], namespace: str) -> Object:
        """Create an object."""
        self._refuse("create")
        key = (manifest["kind"], namespace, manifest["metadata"]["name"])
        check_scope(key[0], namespace, f"create {key[0]} {key[2]}", namespaced=self.is_namespaced(manifest))
        with self._changed:
            if key in self._objects:
                raise ConflictError(f"create {key[0]} {key[2]}", 409, "AlreadyExists", "it exists already")
            made = self.put(manifest, namespace)
        return self._react(made)

    def apply(self, manifest: Mapping[str, Any], namespace: str) -> Object:
        """Create an object, or merge it into the existing one as the client does."""
        try:
            return self.create(manifest, namespace)
        except ConflictError:
            kind, name = manifest["kind"], manifest["metadata"]["name"]
            return self.patch(kind, name, namespace, manifest, strategy=strategy_of(kind))

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
        self._refuse("patch")
        check_scope(kind, namespace, f"patch {kind} {name}", namespaced=self._lives_in_namespaces(kind))
        with self._changed:
            made = self.put(_patched(self._find((kind, namespace, name)), body, strategy), namespace)
        return self._react(made)

    def delete(self, kind: str, name: str, namespace: str, *, grace: int | None = None) -> None:
        """Remove an object. A Pod with a grace period is only marked, because a kubelet would still have to end it."""
        self._refuse("delete")
        check_scope(kind, namespace, f"delete {kind} {name}", namespaced=self._lives_in_namespaces(kind))
        with self._changed:
            found = deepcopy(self._find((kind, namespace, name)))
            if kind != "Pod" or grace == 0:
                self.remove(kind, name, namespace)
            else:
                seconds = found.get("spec", {}).get("terminationGracePeriodSeconds", 30) if grace is None else grace
                found["metadata"] |= {
                    "deletionTimestamp": stamp(datetime.now(UTC) + timedelta(seconds=seconds)),
                    "deletionGracePeriodSeconds": seconds,
                }
                self.put(found, namespace)
        self._react({})

    def evict(self, pod: str, namespace: str) -> None:
        """Delete a pod with its own grace period."""
        self._refuse("evict")
        for budget in self.budgets:
            budget(pod)
        self.delete("Pod", pod, namespace)

    def watch(self, kind: str, namespace: str, *, since: str, stop: Callable[[], bool]) -> Iterator[WatchEvent]:
        """Yield changes after version ``since``."""
        with self._changed:
            breaks, at = self._breaks, int(since)
        while not stop():
            with self._changed:
                if breaks != self._breaks:
                    raise WatchInterruptedError(f"Could not watch {kind}: broken on purpose.")
                if at < self._oldest:
                    raise WatchExpiredError(f"Could not watch {kind}: its history since {at} is gone.")
                new = [w for w in self._log if w.version > at]
                if not new:
                    self._changed.wait(0.02)
            for written in new:
                at = written.version
                if written.key[:2] == (kind, namespace):
                    yield WatchEvent(written.type, deepcopy(written.object), time.monotonic_ns())

    # Actions of controllers and kubelets, and faults.

    def put(self, manifest: Mapping[str, Any], namespace: str) -> Object:
        """Store an object as a controller would, without reactions."""
        obj = deepcopy(dict(manifest))
        metadata = obj["metadata"]
        key = (obj["kind"], namespace, metadata["name"])
        with self._changed:
            old = self._objects.get(key)
            self._version += 1
            metadata["resourceVersion"] = str(self._version)
            metadata.setdefault("namespace", namespace)
            metadata.setdefault("uid", f"uid-{self._version}")
            metadata.setdefault("creationTimestamp", stamp(datetime.now(UTC)))
            before = old["metadata"].get("generation", 1) if old else 0
            grown = old is None or old.get("spec") != obj.get("spec")
            metadata["generation"] = before + 1 if grown else before
            self._write("MODIFIED" if old else "ADDED", key, obj)
            self._objects[key] = obj
            return deepcopy(obj)

    def remove(self, kind: str, name: str, namespace: str) -> None:
        """Remove an object as a kubelet would, without reactions."""
        key = (kind, namespace, name)
        with self._changed:
            gone = deepcopy(self._find(key))
            del self._objects[key]
            self._version += 1
            gone["metadata"]["resourceVersion"] = str(self._version)
            self._write("DELETED", key, gone)

    def break_watches(self) -> None:
        """Break every open watch."""
        with self._changed:
            self._breaks += 1
            self._changed.notify_all()

    def forget_history(self) -> None:
        """Answer 410 to all watches that have begun, also to those that have seen every event."""
        with self._changed:
            self._version += 1
            self._oldest = self._version
            self._log.clear()
            self._changed.notify_all()

    def _write(self, kind: str, key: _Key, obj: Object) -> None:
        self._log.append(_Written(self._version, kind, key, deepcopy(obj)))
        self._changed.notify_all()

    def _find(self, key: _Key) -> Object:
        if key not in self._objects:
            raise NotFoundError(f"find {key[0]} {key[2]}", 404, "NotFound", f"{key[0]} {key[2]} not found")
        return self._objects[key]

    def _lives_in_namespaces(self, kind: str) -> bool:
        known = KNOWN_KINDS.get(kind)
        outside = kind in self.cluster_scoped or any(kind in kinds for kinds in CLUSTER_SCOPED.values())
        return not outside and (known is None or known.namespaced)

    def _refuse(self, verb: str) -> None:
        if verb in self.refusals:
            raise self.refusals[verb]

    def _react(self, made: Object) -> Object:
        for reaction in self.reactions:
            reaction(self)
        return made


def stamp(moment: datetime) -> str:
    """Return a time in the format of Kubernetes: whole seconds, UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _patched(original: Object, body: Any, strategy: Strategy) -> Object:
    if strategy == "strategic":
        return strategic_merge(original, body)
    if strategy == "merge":
        return json_merge(original, body)
    try:
        return dict(jsonpatch.apply_patch(original, body))
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException) as error:
        name = f"{original['kind']} {original['metadata']['name']}"
        raise RejectedError(f"patch {name}", 422, "Invalid", str(error)) from error
