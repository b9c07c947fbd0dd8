"""Caches reads of the API server, so that waiting for a change does not load the cluster under test.

A wait polls many times a second, with up to three requests each time. A watch shows when an object changes. Until then
the answers are the same and come from the cache.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from harness.kube.api import KubeApi, Object, Objects

T = TypeVar("T")

#: Seconds after which an answer is read again, even if a watch has seen no change.
LONGEST_MEMORY = 1.0

#: (kind, namespace) -> the number of changes that a watch has observed; None without a watch.
Revision = Callable[[str, str], int | None]


class _Memory(Generic[T]):
    """A cache of the answers of one kind of read."""

    def __init__(self, revision: Revision, now: Callable[[], float]) -> None:
        self._revision = revision
        self._now = now
        self._known: dict[tuple[str, str, str], tuple[int, float, T]] = {}

    def ask(self, kind: str, namespace: str, what: str, read: Callable[[], T]) -> T:
        """Return the cached answer if nothing has changed since; otherwise read."""
        # Before the read, so that a change during the read makes the answer outdated.
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
    """A ``KubeApi`` that caches its reads within ``looking``.

    ``looking`` applies to the thread that enters it. Returned objects are shared between reads and must not be changed.

    Args:
        kube: The API server.
        revision: Returns the number of observed changes.
        now: A clock in seconds.
    """

    def __init__(self, kube: KubeApi, revision: Revision, now: Callable[[], float] = time.monotonic) -> None:
        self._kube = kube
        self._looking = threading.local()
        self._objects: _Memory[Object] = _Memory(revision, now)
        self._lists: _Memory[Objects] = _Memory(revision, now)
        self.list_with_version = kube.list_with_version
        self.is_namespaced = kube.is_namespaced
        self.watch = kube.watch
        self.create = kube.create
        self.apply = kube.apply
        self.patch = kube.patch
        self.delete = kube.delete
        self.evict = kube.evict

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Answer reads from the cache within this context, if a watch has seen no change since."""
        self._looking.yes = True
        try:
            yield
        finally:
            self._looking.yes = False

    @property
    def _is_looking(self) -> bool:
        return getattr(self._looking, "yes", False)

    def get(self, kind: str, name: str, namespace: str) -> Object:
        """Return one object.

        Raises:
            NotFoundError: No object has that name.
        """

        def read() -> Object:
            return self._kube.get(kind, name, namespace)

        return self._objects.ask(kind, namespace, name, read) if self._is_looking else read()

    def list(self, kind: str, namespace: str, *, labels: str = "") -> Objects:
        """Return all objects of a kind in a namespace that match a label selector."""

        def read() -> Objects:
            return self._kube.list(kind, namespace, labels=labels)

        return self._lists.ask(kind, namespace, labels, read) if self._is_looking else read()
