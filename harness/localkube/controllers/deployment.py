"""The Deployment controller: keeps one ReplicaSet per pod template and moves pods from the old ones to the new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from harness.localkube.controllers.context import Context
from harness.localkube.controllers.deployment_status import (
    deployment_status,
    is_resumed,
    seconds_to_deadline,
    was_resumed,
    with_created,
    with_resumed,
)
from harness.localkube.controllers.revisions import (
    REVISION,
    annotations_of,
    bounds_of,
    new_replica_set,
    replicas_of,
    size_annotations,
    size_of,
    split,
    wanted_annotations,
    was_scaled,
)
from harness.localkube.controllers.rollout import Bounds, new_size, next_rolling, next_scaled
from harness.localkube.machinery.client import EventType
from harness.localkube.machinery.events import EventRecorder
from harness.localkube.machinery.objects import Key, Object, controller_of, is_deleting, key_of
from harness.localkube.machinery.workqueue import WorkQueue


class DeploymentController:
    """A controller that watches Deployments, their ReplicaSets and pods.

    Args:
        context: Caches, client and delays.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._events = EventRecorder(context.client, "deployment-controller")
        self.queue: WorkQueue[Key] = WorkQueue(self._sync, name="deployment")

    def start(self) -> None:
        """Subscribe to the resources it watches."""
        self._context.deployments.subscribe(lambda _kind, _old, new: self.queue.add(key_of(new)))
        self._context.replicasets.subscribe(self._on_replica_set)
        self._context.pods.subscribe(self._on_pod)

    def _on_replica_set(self, _kind: EventType, _old: Object | None, replica_set: Object) -> None:
        owner = controller_of(replica_set)
        if owner is not None and owner["kind"] == "Deployment":
            delay = self._context.profile.rollout_step.sample(self._context.rng)
            self.queue.add_after((replica_set["metadata"]["namespace"], owner["name"]), delay)

    def _on_pod(self, kind: EventType, _old: Object | None, pod: Object) -> None:
        """Sync the Deployment of a deleted pod: Recreate waits until the last old pod is gone."""
        owner = controller_of(pod)
        if kind == "DELETED" and owner is not None:
            replica_set = self._context.replicasets.get((pod["metadata"]["namespace"], owner["name"]))
            if replica_set is not None:
                self._on_replica_set(kind, None, replica_set)

    async def _sync(self, key: Key) -> None:
        deployment = self._context.deployments.get(key)
        if deployment is None:
            return
        if was_resumed(deployment):
            body = {"status": {"conditions": with_resumed(deployment)}}
            deployment = await self._context.deployments.patch(deployment, body, subresource="status")
        if not is_deleting(deployment):
            await self._advance(deployment)
        current = self._context.deployments.get(key)
        if current is not None:
            await self._write_status(current)

    def _sets(self, deployment: Object) -> tuple[Object | None, list[Object]]:
        return split(deployment, self._context.replicasets.owned_by(deployment))

    async def _advance(self, deployment: Object) -> None:
        """Take the next step of scaling or rollout, if one is possible now."""
        bounds = bounds_of(deployment)
        new, olds = self._sets(deployment)
        sized = None if new is None else size_of(new)
        old_sizes = [size_of(each) for each in olds]
        if deployment["spec"].get("paused") or was_scaled(deployment, self._context.replicasets.owned_by(deployment)):
            await self._resize(deployment, next_scaled(bounds, sized, old_sizes), bounds)
            return
        if (deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
            await self._recreate(deployment, new, olds, bounds)
            return
        if new is None or sized is None:
            await self._create(deployment, olds, bounds, new_size(bounds, 0, sum(each.desired for each in old_sizes)))
        else:
            await self._mark_current(deployment, new, olds)
            await self._resize(deployment, next_rolling(bounds, sized, old_sizes), bounds)
        await self._clean_up(deployment)

    async def _recreate(self, deployment: Object, new: Object | None, olds: Sequence[Object], bounds: Bounds) -> None:
        shrink = {each["metadata"]["name"]: 0 for each in olds if replicas_of(each)}
        if shrink:
            await self._resize(deployment, shrink, bounds)
            return
        if any(self._has_active_pods(each) for each in olds):
            return
        if new is None:
            await self._create(deployment, olds, bounds, bounds.replicas)
        else:
            await self._mark_current(deployment, new, olds)
            if replicas_of(new) != bounds.replicas:
                await self._resize(deployment, {new["metadata"]["name"]: bounds.replicas}, bounds)
        await self._clean_up(deployment)

    def _has_active_pods(self, replica_set: Object) -> bool:
        """Return True if a pod has not ended, even if it is being deleted."""
        pods = self._context.pods.owned_by(replica_set)
        return any(pod.get("status", {}).get("phase") not in {"Succeeded", "Failed"} for pod in pods)

    async def _create(self, deployment: Object, olds: Sequence[Object], bounds: Bounds, replicas: int) -> None:
        manifest = new_replica_set(deployment, olds, bounds, replicas)
        created = await self._context.replicasets.create(manifest, deployment["metadata"]["namespace"])
        await self._mark_revision(deployment, annotations_of(created)[REVISION], created)
        if replicas:
            self._record_scaling(deployment, created["metadata"]["name"], 0, replicas)

    async def _mark_current(self, deployment: Object, new: Object, olds: Sequence[Object]) -> None:
        """Give the current ReplicaSet the highest revision; after a rollback it is an older ReplicaSet."""
        wanted = wanted_annotations(deployment, new, olds)
        have = annotations_of(new)
        if any(have.get(name) != value for name, value in wanted.items()):
            await self._context.replicasets.patch(new, {"metadata": {"annotations": dict(wanted)}})
        await self._mark_revision(deployment, wanted[REVISION])

    async def _mark_revision(self, deployment: Object, revision: str, created: Object | None = None) -> None:
        """Write the revision; with ``created``, also the condition that says that this ReplicaSet was created."""
        if created is not None or annotations_of(deployment).get(REVISION) != revision:
            body: Object = {"metadata": {"annotations": {REVISION: revision}}}
            has_deadline = deployment["spec"].get("progressDeadlineSeconds") is not None and not is_resumed(deployment)
            if created is not None and has_deadline:
                body["status"] = {"conditions": with_created(deployment, created)}
            # Through the status subresource, as the real controller does, because that does not raise the generation.
            await self._context.deployments.patch(deployment, body, subresource="status")

    async def _resize(self, deployment: Object, sizes: Mapping[str, int], bounds: Bounds) -> None:
        """Resize ReplicaSets, and record the Deployment's size on all active ones."""
        marks = size_annotations(bounds)
        for replica_set in self._context.replicasets.owned_by(deployment):
            name, before = replica_set["metadata"]["name"], replicas_of(replica_set)
            after = sizes.get(name, before)
            have = annotations_of(replica_set)
            outdated = after > 0 and any(have.get(mark) != value for mark, value in marks.items())
            if after == before and not outdated:
                continue
            body = {"metadata": {"annotations": marks}, "spec": {"replicas": after}}
            await self._context.replicasets.patch(replica_set, body)
            if after != before:
                self._record_scaling(deployment, name, before, after)

    def _record_scaling(self, deployment: Object, name: str, before: int, after: int) -> None:
        way = "up" if after > before else "down"
        message = f"Scaled {way} replica set {name} from {before} to {after}"
        self._context.spawn(self._events.event(deployment, "Normal", "ScalingReplicaSet", message))

    async def _clean_up(self, deployment: Object) -> None:
        """Delete the oldest empty ReplicaSets beyond the history limit once the rollout is complete."""
        new, olds = self._sets(deployment)
        limit = deployment["spec"].get("revisionHistoryLimit")
        empty = [each for each in olds if not replicas_of(each) and not (each.get("status") or {}).get("replicas")]
        if new is None or limit is None or len(empty) != len(olds):
            return
        for each in empty[: max(0, len(empty) - int(limit))]:
            await self._context.replicasets.delete(each)

    async def _write_status(self, deployment: Object) -> None:
        now = datetime.now(UTC)
        new, olds = self._sets(deployment)
        status = deployment_status(deployment, new, olds, bounds_of(deployment), now)
        wait = seconds_to_deadline(deployment, status, now)
        if wait is not None:
            self.queue.add_after(key_of(deployment), wait)
        current = deployment.get("status") or {}
        if any(current.get(name, 0) != value for name, value in status.items()):
            body = {"status": {name: value or None for name, value in status.items()}}
            await self._context.deployments.patch(deployment, body, subresource="status")
