"""Reads of the API server that are answered from memory while nothing has changed.

A change is looked for many times a second. Each look used to be up to three requests, although a watch says at once
when an object has changed. Between two changes the answer would be the same, and the cluster under test had to give it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from harness.kube.api import KubeApi, Object, Objects

T = TypeVar("T")

#: Seconds after which an answer is asked for again, whatever a watch says.
LONGEST_MEMORY = 1.0

#: Tells how often a kind in a namespace was seen to change; None where no watch follows it.
Revision = Callable[[str, str], int | None]


class _Memory(Generic[T]):
    """Answers of one kind of read, by what was asked."""

    def __init__(self, revision: Revision, now: Callable[[], float]) -> None:
        self._revision = revision
        self._now = now
        self._known: dict[tuple[str, str, str], tuple[int, float, T]] = {}

    def ask(self, kind: str, namespace: str, what: str, read: Callable[[], T]) -> T:
        """Return what is known, if nothing has changed since; otherwise read."""
        # Asked before the read: what changes meanwhile makes the answer old.
        revision, begun = self._revision(kind, namespace), self._now()
        if revision is None:
            return read()
        known = self._known.get((kind, namespace, what))
        if known is not None and known[0] == revision and begun - known[1] < LONGEST_MEMORY:
            return known[2]
        answer = read()
        self._known[kind, namespace, what] = (revision, begun, answer)
        return answer


class RememberingKube:
    """A ``KubeApi`` that remembers what it has read, inside ``looking`` only.

    For one thread. What it returns is shared between looks and must not be changed.

    Args:
        kube: The API server.
        revision: Says whether an object may have changed.
        now: A clock in seconds.
    """

    def __init__(self, kube: KubeApi, revision: Revision, now: Callable[[], float] = time.monotonic) -> None:
        self._kube = kube
        self._is_looking = False
        self._objects: _Memory[Object] = _Memory(revision, now)
        self._lists: _Memory[Objects] = _Memory(revision, now)
        self.list_with_version = kube.list_with_version
        self.is_namespaced = kube.is_namespaced
        self.watch = kube.watch
        self.create = kube.create
        self.apply = kube.apply
        self.patch = kube.patch
        self.delete = kube.delete

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Answer reads from memory in here, where no watch has seen a change since."""
        self._is_looking = True
        try:
            yield
        finally:
            self._is_looking = False

    def get(self, kind: str, name: str, namespace: str) -> Object:
        """Return one object.

        Raises:
            NotFoundError: There is none of that name.
        """

        def read() -> Object:
            return self._kube.get(kind, name, namespace)

        return self._objects.ask(kind, namespace, name, read) if self._is_looking else read()

    def list(self, kind: str, namespace: str, *, labels: str = "") -> Objects:
        """Return all objects of a kind in a namespace that match a label selector."""

        def read() -> Objects:
            return self._kube.list(kind, namespace, labels=labels)

        return self._lists.ask(kind, namespace, labels, read) if self._is_looking else read()
