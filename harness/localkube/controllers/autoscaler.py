"""The HorizontalPodAutoscaler controller: moves the replicas of a Deployment or ReplicaSet into their bounds.

Nothing measures the load on this cluster, as on a new kind cluster, so that a scale within its bounds stays.
"""

from __future__ import annotations

from contextlib import suppress

from harness.localkube.controllers.autoscaling import Decision, decide, status_after, without_scale
from harness.localkube.controllers.context import Context
from harness.localkube.controllers.resource_cache import ResourceCache
from harness.localkube.controllers.revisions import replicas_of
from harness.localkube.machinery.client import EventType, NotFound
from harness.localkube.machinery.events import EventRecorder
from harness.localkube.machinery.objects import Key, Object, is_deleting, key_of, timestamp
from harness.localkube.machinery.resources import DEPLOYMENTS, NOT_RUN, REPLICASETS
from harness.localkube.machinery.workqueue import WorkQueue

#: Seconds from the creation of an autoscaler to its first sync, and between two syncs. Changes do not hasten a sync.
SYNC_SECONDS = 15.0
#: Kinds with a scale whose pods this cluster does not run: an autoscaler of them has no effect here.
_IDLE_KINDS = frozenset(resource.kind for resource in NOT_RUN)


class AutoscalerController:
    """A controller that looks at each HorizontalPodAutoscaler every 15 seconds.

    Args:
        context: Caches and client.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._events = EventRecorder(context.client, "horizontal-pod-autoscaler")
        self.queue: WorkQueue[Key] = WorkQueue(self._sync, name="autoscaler")

    def start(self) -> None:
        """Subscribe to the autoscalers."""
        self._context.autoscalers.subscribe(self._on_autoscaler)

    def _on_autoscaler(self, kind: EventType, _old: Object | None, autoscaler: Object) -> None:
        if kind != "DELETED":
            self.queue.add_after(key_of(autoscaler), SYNC_SECONDS)

    async def _sync(self, key: Key) -> None:
        autoscaler = self._context.autoscalers.get(key)
        if autoscaler is None or is_deleting(autoscaler):
            return
        self.queue.add_after(key, SYNC_SECONDS)
        target = autoscaler["spec"].get("scaleTargetRef") or {}
        if target.get("kind") in _IDLE_KINDS:
            return
        cache, why = self._scales(target)
        found = None if cache is None else cache.get((key[0], str(target.get("name"))))
        if cache is None or found is None:
            await self._conclude(autoscaler, without_scale(why), None)
            return
        current = replicas_of(found)
        decision = decide(autoscaler["spec"], current, key[0])
        if decision.replicas is not None:
            await self._rescale(cache, found, decision.replicas)
            message = f"New size: {decision.replicas}; reason: {decision.reason}"
            self._context.spawn(self._events.event(autoscaler, "Normal", "SuccessfulRescale", message))
        await self._conclude(autoscaler, decision, current)

    def _scales(self, target: Object) -> tuple[ResourceCache | None, str]:
        """Return the cache of the target's kind (None if it has no scale), and the error if the target is not in it."""
        group = str(target.get("apiVersion") or "").rpartition("/")[0]
        for resource, cache in (
            (DEPLOYMENTS, self._context.deployments),
            (REPLICASETS, self._context.replicasets),
        ):
            if (resource.kind, resource.group) == (target.get("kind"), group):
                return cache, f'{resource.qualified} "{target.get("name")}" not found'
        return None, f'no matches for kind "{target.get("kind")}" in group "{group}"'

    async def _rescale(self, cache: ResourceCache, target: Object, replicas: int) -> None:
        """Write the scale; raise ``ApiError`` if the target has changed meanwhile, so that the sync is repeated."""
        version = target["metadata"]["resourceVersion"]
        body = {"metadata": {"resourceVersion": version}, "spec": {"replicas": replicas}}
        await cache.patch(target, body, subresource="scale")

    async def _conclude(self, autoscaler: Object, decision: Decision, current: int | None) -> None:
        """Record the warnings of a sync, and write the status if it differs."""
        for warned in decision.warnings:
            self._context.spawn(self._events.event(autoscaler, "Warning", warned.reason, warned.message))
        before = autoscaler.get("status") or {}
        status = status_after(autoscaler, decision, current, timestamp())
        if status != before:
            body = {"status": {**dict.fromkeys(before), **status}}
            with suppress(NotFound):
                await self._context.autoscalers.patch(autoscaler, body, subresource="status")
