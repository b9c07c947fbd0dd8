"""The EndpointSlice controller: updates the addresses behind each Service, with the delay of the real one."""

from __future__ import annotations

from contextlib import suppress
from typing import Literal

from harness.localkube.controllers.context import Context
from harness.localkube.controllers.endpoints import (
    MANAGED_BY,
    endpoint_of,
    plan_slices,
    selects,
    slices_of,
)
from harness.localkube.machinery.client import EventType, NotFound
from harness.localkube.machinery.objects import Key, Object, is_deleting, key_of, labels_of
from harness.localkube.machinery.workqueue import WorkQueue

_Kind = Literal["pod", "service"]


class EndpointSliceController:
    """A controller that watches Services and pods.

    It learns of each pod's change after a separate delay, as on a real cluster: if two pods are deleted together, the
    slices show one deletion first, and the other some milliseconds later. A reader with a limited rate, such as
    Traefik, may read in between, and then sends requests to the second pod until its next read.

    Args:
        context: Caches, client and delays.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[Key, Object] = {}
        self.queue: WorkQueue[tuple[_Kind, Key]] = WorkQueue(self._handle, name="endpointslice")

    def start(self) -> None:
        """Subscribe to the resources it watches."""
        self._context.services.subscribe(self._on_service)
        self._context.pods.subscribe(self._on_pod)

    def _on_service(self, _kind: EventType, _old: Object | None, service: Object) -> None:
        self.queue.add_after(("service", key_of(service)), self._context.profile.endpoints.sample(self._context.rng))

    def _on_pod(self, kind: EventType, old: Object | None, pod: Object) -> None:
        """Learn of a pod after a delay, if its endpoint or its labels have changed."""
        now = None if kind == "DELETED" else pod
        if not _differs(old, now):
            return
        marked = old is not None and now is not None and is_deleting(now) and not is_deleting(old)
        profile = self._context.profile
        delay = (profile.endpoints_terminating if marked else profile.endpoints).sample(self._context.rng)
        self.queue.add_after(("pod", key_of(pod)), delay)

    async def _handle(self, item: tuple[_Kind, Key]) -> None:
        kind, key = item
        if kind == "pod":
            self._learn(key)
        else:
            await self._sync(key)

    def _learn(self, key: Key) -> None:
        """Take the present state of a pod, and sync the Services that select it or selected it before."""
        before, now = self._known.pop(key, None), self._context.pods.get(key)
        if now is not None:
            self._known[key] = now
        for service in self._context.services.in_namespace(key[0]):
            if any(each is not None and selects(service, each) for each in (before, now)):
                self.queue.add(("service", key_of(service)))

    async def _sync(self, key: Key) -> None:
        service = self._context.services.get(key)
        if service is None or is_deleting(service) or not service["spec"].get("selector"):
            return
        current = [each for each in self._context.slices.owned_by(service) if labels_of(each).get(MANAGED_BY)]
        pods = [pod for (namespace, _), pod in self._known.items() if namespace == key[0]]
        plan = plan_slices(service, slices_of(service, pods), current)
        for wanted in plan.create:
            await self._context.slices.create(wanted, key[0])
        for wanted in plan.update:
            with suppress(NotFound):
                await self._context.slices.update(wanted)
        for unwanted in plan.delete:
            with suppress(NotFound):
                await self._context.slices.delete(unwanted)


def _differs(old: Object | None, now: Object | None) -> bool:
    """Return True if the pod's endpoint or labels have changed."""
    if old is None or now is None:
        return True
    return endpoint_of(old) != endpoint_of(now) or labels_of(old) != labels_of(now)
