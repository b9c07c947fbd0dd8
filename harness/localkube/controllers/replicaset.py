"""The ReplicaSet controller: creates missing pods, and deletes the least useful surplus ones first."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from harness.kube.selectors import matches_selector
from harness.localkube.controllers.context import Context
from harness.localkube.controllers.pod_order import available_in, deletion_order, is_active, is_ready
from harness.localkube.controllers.revisions import replicas_of
from harness.localkube.machinery.client import ApiError, Conflict, EventType, NotFound
from harness.localkube.machinery.events import EventRecorder
from harness.localkube.machinery.objects import (
    Key,
    Object,
    condition,
    controller_of,
    is_deleting,
    key_of,
    labels_of,
    owner_reference,
    timestamp,
)
from harness.localkube.machinery.workqueue import WorkQueue

#: Condition of a ReplicaSet and of its Deployment while the API server rejects its pods.
REPLICA_FAILURE = "ReplicaFailure"


class ReplicaSetController:
    """A controller that watches ReplicaSets and their pods.

    Args:
        context: Caches, client and delays.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._events = EventRecorder(context.client, "replicaset-controller")
        self.queue: WorkQueue[Key] = WorkQueue(self._sync, name="replicaset")

    def start(self) -> None:
        """Subscribe to the resources it watches."""
        self._context.replicasets.subscribe(lambda _kind, _old, new: self.queue.add(key_of(new)))
        self._context.pods.subscribe(self._on_pod)

    def _on_pod(self, _kind: EventType, old: Object | None, pod: Object) -> None:
        """Sync the ReplicaSets that own the pod, owned it before, or may adopt it."""
        namespace = pod["metadata"]["namespace"]
        owners = [controller_of(each) for each in (old, pod) if each is not None]
        for owner in owners:
            if owner is not None and owner["kind"] == "ReplicaSet":
                self.queue.add((namespace, owner["name"]))
        if owners[-1] is None:
            for replica_set in self._context.replicasets.in_namespace(namespace):
                if selects_pod(replica_set, pod):
                    self.queue.add(key_of(replica_set))

    async def _sync(self, key: Key) -> None:
        replica_set = self._context.replicasets.get(key)
        if replica_set is None:
            return
        pods = [pod for pod in self._context.pods.owned_by(replica_set) if is_active(pod)]
        rejected: ApiError | None = None
        if not is_deleting(replica_set):
            pods = await self._claim(replica_set)
            excess = len(pods) - replicas_of(replica_set)
            if excess < 0:
                rejected = await self._create_pods(replica_set, -excess)
            elif excess > 0:
                await self._delete_pods(replica_set, deletion_order(pods, datetime.now(UTC))[:excess])
            pods = [pod for pod in self._context.pods.owned_by(replica_set) if is_active(pod)]
        await self._write_status(replica_set, pods, rejected)
        if rejected is not None:
            raise rejected

    async def _claim(self, replica_set: Object) -> list[Object]:
        """Release the pods that the selector no longer matches, and adopt matching pods without a controller.

        Returns:
            The pods that count as replicas.
        """
        claim = claim_of(replica_set, self._context.pods.in_namespace(replica_set["metadata"]["namespace"]))
        release = {"$patch": "delete", "uid": replica_set["metadata"]["uid"]}
        for pods, reference in ((claim.release, release), (claim.adopt, owner_reference(replica_set))):
            body = {"metadata": {"ownerReferences": [reference]}}
            for pod in pods:
                with suppress(NotFound):
                    await self._context.pods.patch(pod, body, strategy="strategic")
        return [*claim.keep, *claim.adopt]

    async def _create_pods(self, replica_set: Object, count: int) -> ApiError | None:
        """Create missing pods; return the error of the first one that the API server rejects."""
        results = await asyncio.gather(*(self._create_pod(replica_set) for _ in range(count)), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, ApiError):
                raise result
        return next((result for result in results if isinstance(result, ApiError)), None)

    async def _create_pod(self, replica_set: Object) -> None:
        template = replica_set["spec"]["template"]
        metadata = {**(template.get("metadata") or {}), "generateName": f"{replica_set['metadata']['name']}-"}
        metadata["ownerReferences"] = [owner_reference(replica_set)]
        namespace = replica_set["metadata"]["namespace"]
        try:
            pod = await self._context.pods.create({"metadata": metadata, "spec": template["spec"]}, namespace)
        except ApiError as error:
            await self._events.event(replica_set, "Warning", "FailedCreate", f"Error creating: {error.message}")
            raise
        await self._record(replica_set, "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")

    async def _delete_pods(self, replica_set: Object, pods: Sequence[Object]) -> None:
        await asyncio.gather(*(self._delete_pod(replica_set, pod) for pod in pods))

    async def _delete_pod(self, replica_set: Object, pod: Object) -> None:
        try:
            await self._context.pods.delete(pod)
        except (NotFound, Conflict):
            return
        await self._record(replica_set, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")

    async def _record(self, replica_set: Object, reason: str, message: str) -> None:
        self._context.spawn(self._events.event(replica_set, "Normal", reason, message))

    async def _write_status(self, replica_set: Object, pods: Sequence[Object], rejected: ApiError | None) -> None:
        min_ready = replica_set["spec"].get("minReadySeconds") or 0
        waits = [available_in(pod, min_ready, datetime.now(UTC)) for pod in pods]
        status = _status(replica_set, pods, available=sum(wait == 0 for wait in waits))
        later = [wait for wait in waits if wait]
        if later:
            self.queue.add_after(key_of(replica_set), min(later))
        current = replica_set.get("status") or {}
        conditions = conditions_after(replica_set, None if rejected is None else rejected.message)
        shown: dict[str, Any] = {name: value or (0 if name == "replicas" else None) for name, value in status.items()}
        shown["conditions"] = conditions or None
        changed = any(current.get(name, 0) != value for name, value in status.items())
        if changed or conditions != (current.get("conditions") or []):
            try:
                await self._context.replicasets.patch(replica_set, {"status": shown}, subresource="status")
            except NotFound:
                return


@dataclass(frozen=True, slots=True)
class PodClaim:
    """The active pods of a namespace, grouped by what a ReplicaSet does with them.

    Attributes:
        keep: Its own pods that its selector matches.
        release: Its own pods that its selector does not match.
        adopt: Pods without a controller that its selector matches.
    """

    keep: tuple[Object, ...]
    release: tuple[Object, ...]
    adopt: tuple[Object, ...]


def claim_of(replica_set: Object, pods: Iterable[Object]) -> PodClaim:
    """Group the pods of a ReplicaSet's namespace; omit inactive pods and those of other controllers."""
    uid = replica_set["metadata"]["uid"]
    own: list[Object] = []
    free: list[Object] = []
    for pod in pods:
        controller = controller_of(pod)
        if not is_active(pod) or (controller is not None and controller["uid"] != uid):
            continue
        (free if controller is None else own).append(pod)
    return PodClaim(
        keep=tuple(pod for pod in own if selects_pod(replica_set, pod)),
        release=tuple(pod for pod in own if not selects_pod(replica_set, pod)),
        adopt=tuple(pod for pod in free if selects_pod(replica_set, pod)),
    )


def selects_pod(replica_set: Object, pod: Object) -> bool:
    """Return True if a ReplicaSet's selector matches a pod."""
    return matches_selector(replica_set["spec"]["selector"], labels_of(pod))


def conditions_after(replica_set: Object, rejected: str | None) -> list[Object]:
    """Return the conditions of a ReplicaSet after a sync.

    Args:
        replica_set: The ReplicaSet before the sync.
        rejected: Message of the API server that rejected a pod; None if it rejected none.
    """
    before: list[Object] = (replica_set.get("status") or {}).get("conditions") or []
    if rejected is None:
        return [each for each in before if each["type"] != REPLICA_FAILURE]
    if condition(replica_set, REPLICA_FAILURE) is not None:
        return before  # The first reason stays, as in a real cluster.
    failure = {"type": REPLICA_FAILURE, "status": "True", "reason": "FailedCreate", "message": rejected}
    return [*before, {**failure, "lastTransitionTime": timestamp()}]


def _status(replica_set: Object, pods: Sequence[Object], *, available: int) -> dict[str, Any]:
    wanted = labels_of({"metadata": replica_set["spec"]["template"].get("metadata") or {}})
    return {
        "replicas": len(pods),
        "fullyLabeledReplicas": sum(matches_selector({"matchLabels": wanted}, labels_of(pod)) for pod in pods),
        "readyReplicas": sum(is_ready(pod) for pod in pods),
        "availableReplicas": available,
        "observedGeneration": replica_set["metadata"].get("generation", 0),
    }
