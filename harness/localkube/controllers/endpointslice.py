"""The EndpointSlice controller: updates the addresses behind each Service, with the delay of the real one."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress
from dataclasses import dataclass

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
from harness.localkube.profiles import Delay

#: The key of the queue that stands for the next change of a pod.
_PODS: Key = ("", "")


@dataclass(slots=True)
class _PodChange:
    """A change of a pod that the controller does not know yet.

    Attributes:
        key: The pod.
        state: The pod after the change; None if it is gone.
        due: Time at which the controller learns of it, on the clock of the event loop.
        latest: The latest such time.
    """

    key: Key
    state: Object | None
    due: float
    latest: float


class EndpointSliceController:
    """A controller that watches Services and pods.

    It learns of each pod's change after a separate delay, as on a real cluster. If two pods are deleted together, the
    slices show one deletion first, and the other some milliseconds later. A reader with a limited rate, such as
    Traefik, may read in between, and then sends requests to the second pod until its next read.

    It learns of changes in the order in which they happen, since a real one has a single watch of all pods. So a
    rolling update, which deletes an old pod because a new one is ready, never leaves a slice without a ready pod.

    Args:
        context: Caches, client and delays.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[Key, Object] = {}
        self._coming: list[_PodChange] = []
        self.queue: WorkQueue[Key] = WorkQueue(self._handle, name="endpointslice")

    def start(self) -> None:
        """Subscribe to the resources it watches."""
        self._context.services.subscribe(self._on_service)
        self._context.pods.subscribe(self._on_pod)

    def _on_service(self, _kind: EventType, _old: Object | None, service: Object) -> None:
        self.queue.add_after(key_of(service), self._context.profile.endpoints.sample(self._context.rng))

    def _on_pod(self, kind: EventType, old: Object | None, pod: Object) -> None:
        """Learn of a pod after a delay, if its endpoint or its labels have changed."""
        now = None if kind == "DELETED" else pod
        if not _differs(old, now):
            return
        marked = old is not None and now is not None and is_deleting(now) and not is_deleting(old)
        profile = self._context.profile
        self._schedule(key_of(pod), now, profile.endpoints_terminating if marked else profile.endpoints)

    def _schedule(self, key: Key, state: Object | None, delay: Delay) -> None:
        """Add a change of a pod to those that are not known yet, and keep their times in the order of the changes.

        If a later change would be due before an earlier one, the two exchange their times. No change is due later than
        its own longest delay allows; the changes before it are moved forward if necessary.
        """
        now = asyncio.get_running_loop().time()
        due = now + delay.sample(self._context.rng)
        self._coming.append(_PodChange(key, state, due, now + delay.at(1.0)))
        for change, time in zip(self._coming, sorted(each.due for each in self._coming), strict=True):
            change.due = min(time, change.latest)
        for later, earlier in itertools.pairwise(reversed(self._coming)):
            earlier.due = min(earlier.due, later.due)
        self._schedule_first(now)

    def _schedule_first(self, now: float) -> None:
        if self._coming:
            self.queue.add_after(_PODS, max(0.0, self._coming[0].due - now))

    async def _handle(self, key: Key) -> None:
        if key == _PODS:
            self._learn_next()
        else:
            await self._sync(key)

    def _learn_next(self) -> None:
        """Apply the first change if it is due, and sync the Services that select its pod or selected it before."""
        now = asyncio.get_running_loop().time()
        if self._coming and self._coming[0].due <= now:
            change = self._coming.pop(0)
            before = self._known.pop(change.key, None)
            if change.state is not None:
                self._known[change.key] = change.state
            for service in self._context.services.in_namespace(change.key[0]):
                if any(each is not None and selects(service, each) for each in (before, change.state)):
                    self.queue.add(key_of(service))
        self._schedule_first(now)

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
