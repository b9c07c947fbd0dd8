"""Run one pod on the node, from its first appearance to the deletion of its object."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from harness.localkube.kubelet.container import ContainerWorker
from harness.localkube.kubelet.handlers import RunningContainer
from harness.localkube.kubelet.images import KNOWN_IMAGES, Image, find_image, has_stand_in
from harness.localkube.kubelet.models import StandInModel, model_of
from harness.localkube.kubelet.network import PodNetwork
from harness.localkube.kubelet.node import Node
from harness.localkube.kubelet.relist_times import RelistTimes
from harness.localkube.kubelet.sources import missing_for_volumes
from harness.localkube.kubelet.status import INITIALIZING, OWN_CONDITIONS, ContainerState, pod_status
from harness.localkube.kubelet.volumes import MountError, PodVolumes
from harness.localkube.machinery.client import ApiError, Conflict, NotFound
from harness.localkube.machinery.objects import Key, Object, is_deleting, timestamp
from harness.localkube.machinery.resources import PODS

_log = logging.getLogger(__name__)

#: Shortest time in seconds between the start of a container and the relist that finds it running.
_SHORTEST_START = 0.05
#: Seconds between two attempts to mount the volumes of a pod.
_MOUNT_INTERVAL = 2.0
#: Grace period in seconds of a pod whose object was removed by force, as in the kubelet.
FORCED_GRACE = 1


class PodWorker:
    """Runs one pod from its start to its end.

    Args:
        node: State that all pods share.
        pod: The pod as first seen.
    """

    def __init__(self, node: Node, pod: Object) -> None:
        self._node = node
        self._pod = pod
        self._name: str = pod["metadata"]["name"]
        self._namespace: str = pod["metadata"]["namespace"]
        self._network = PodNetwork("", node.black_hole)
        self._relists = RelistTimes(0, 0)
        self._containers: list[ContainerWorker] = []
        self._states: list[ContainerState] = []
        self._init: list[ContainerState] = []
        self._init_workers: dict[str, ContainerWorker] = {}
        self._living: list[asyncio.Task[None]] = []
        self._begun: list[ContainerWorker] = []
        self._volumes = self._volumes_of_commands()
        self._deleting = asyncio.Event()
        self._gone = asyncio.Event()
        self._dirty = asyncio.Event()
        self._seen = asyncio.get_running_loop().time()

    def update(self, pod: Object) -> None:
        """Handle a change of the object."""
        if is_deleting(pod):
            self._pod["metadata"] |= {
                name: pod["metadata"][name]
                for name in ("deletionTimestamp", "deletionGracePeriodSeconds")
                if name in pod["metadata"]
            }
            self._deleting.set()
        self._take_conditions(pod)

    def _take_conditions(self, pod: Object) -> None:
        """Copy the conditions that other components have set; readiness gates depend on them."""
        status = self._pod.get("status", {})
        own = [each for each in status.get("conditions") or [] if _is_own(each)]
        others = [each for each in pod.get("status", {}).get("conditions") or [] if not _is_own(each)]
        if [*own, *others] != (status.get("conditions") or []):
            self._pod["status"] = {**status, "conditions": [*own, *others]}
            self._dirty.set()

    def removed(self) -> None:
        """Stop the containers, because the object is gone after a deletion by force or with grace period 0.

        A pod that was being deleted before keeps its grace period.
        """
        self._gone.set()
        self._deleting.set()

    @property
    def key(self) -> Key:
        """Return its namespace and name."""
        return (self._namespace, self._name)

    @property
    def address(self) -> str:
        """Return its IP address; empty before it has one."""
        return self._network.address

    def container(self, name: str) -> RunningContainer | None:
        """Return a container by name; None if none of that name runs."""
        return next((each.running for each in self._containers if each.state.name == name), None)

    async def run(self) -> None:
        """Run the pod until its object is gone and its containers have ended; kill them if cancelled."""
        try:
            await self._work()
        except NotFound:
            _log.debug("pod %s/%s is gone", self._namespace, self._name)
        finally:
            self._node.release(self._pod)
            if self._volumes is not None:
                self._volumes.remove()
            for container in (*self._containers, *self._init_workers.values()):
                container.kill()

    async def _work(self) -> None:
        if not await self._bind():
            return
        publishing = asyncio.create_task(self._patch_changes(), name=f"status of {self._name}")
        syncing: asyncio.Task[None] | None = None
        try:
            if self._create_workers() and not await self._wait_for_start():
                self._living.append(asyncio.create_task(self._end_network(), name=f"network of {self._name}"))
                if self._volumes is not None:
                    syncing = asyncio.create_task(self._sync_volumes(self._volumes), name=f"volumes of {self._name}")
                if await self._initialize():
                    for each in self._containers:
                        self._begin(each)
            await self._deleting.wait()
            await self._stop()
            await asyncio.gather(*self._living)
        finally:
            tasks = [each for each in (publishing, syncing, *self._living) if each is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await self._patch_status()
        await self._finish()

    async def _bind(self) -> bool:
        """Assign an unassigned pod to this node once the node accepts pods; return False if the pod is gone before."""
        if self._pod["spec"].get("nodeName"):
            self._node.place(self._pod)
            return True
        if not self._node.schedulable.is_set():
            message = "0/1 nodes are available: 1 node(s) were unschedulable."
            self._node.record_scheduling_event(self._pod, "FailedScheduling", message, kind="Warning")
            await _first_of(self._node.schedulable, self._gone)
            # Delays count from the moment at which the node accepts pods.
            self._seen = asyncio.get_running_loop().time()
        if not await self._find_room():
            return False
        self._pod = await self._node.client.patch(
            PODS, self._name, self._namespace, {"spec": {"nodeName": self._node.name}}
        )
        self.update(self._pod)
        self._node.record_scheduling_event(
            self._pod, "Scheduled", f"Successfully assigned {self._namespace}/{self._name} to {self._node.name}"
        )
        return True

    async def _find_room(self) -> bool:
        """Wait until the node takes the pod, and report the reason until then; return False if the pod is gone before.

        Most reasons are permanent. An anti-affinity or a lack of resources ends when another pod leaves the node.
        """
        reported = ""
        while not self._gone.is_set():
            reason = self._node.why_not(self._pod)
            if not reason:
                self._node.place(self._pod)
                return True
            freed = self._node.freed
            if reason != reported:
                await self._report_pending(reason)
                reported = reason
            await _first_of(freed, self._gone)
            self._seen = asyncio.get_running_loop().time()
        return False

    async def _report_pending(self, reason: str) -> None:
        """Report that the scheduler has no node for the pod."""
        self._node.record_scheduling_event(self._pod, "FailedScheduling", reason, kind="Warning")
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": reason,
            "lastProbeTime": None,
            "lastTransitionTime": timestamp(),
        }
        body = {"status": {"phase": "Pending", "conditions": [condition]}}
        with suppress(NotFound):
            await self._node.client.patch(
                PODS, self._name, self._namespace, body, strategy="strategic", subresource="status"
            )

    def _create_workers(self) -> bool:
        """Create the containers' workers; return False if the pod cannot start and can only be deleted."""
        system = self._node.is_system(self._namespace)
        address = self._node.system_address() if system else self._node.next_address()
        self._network = PodNetwork(
            address, self._node.black_hole, _declared_ports(self._pod), ipv6=self._has_any_command()
        )
        self._relists = self._relist_times()
        anchor = self._seen + self._node.profile.probe_ticks.sample(self._node.rng)
        workers: list[ContainerWorker | None] = []
        for spec in self._pod["spec"].get("initContainers") or ():
            if spec.get("restartPolicy") or not has_stand_in(spec["image"]) or self._has_command(spec):
                workers.append(self._create_init_worker(spec, anchor, system=system))
            else:
                self._init.append(ContainerState(spec["name"], spec["image"]))
        policy = self._pod["spec"].get("restartPolicy", "Always")
        for spec in self._pod["spec"]["containers"]:
            container = self._create_worker(spec, anchor, self._states, restarts=policy, system=system)
            workers.append(container)
            self._containers += [container] if container is not None else []
        complete = all(each is not None for each in workers)
        for state in (*self._init, *self._states) if self._init and complete else ():
            state.state = INITIALIZING
        if not complete:
            self._containers.clear()
        self._dirty.set()
        return complete

    def _create_init_worker(self, spec: Object, anchor: float, *, system: bool) -> ContainerWorker | None:
        """Create the worker of a sidecar, or of an init container whose image is known."""
        sidecar = spec.get("restartPolicy") == "Always"
        on_failure = "Never" if self._pod["spec"].get("restartPolicy") == "Never" else "OnFailure"
        restarts = "Always" if sidecar else on_failure
        worker = self._create_worker(spec, anchor, self._init, restarts=restarts, system=system)
        if worker is not None:
            worker.state.sidecar = sidecar
            self._init_workers[spec["name"]] = worker
        return worker

    def _create_worker(
        self, spec: Object, anchor: float, states: list[ContainerState], *, restarts: str, system: bool
    ) -> ContainerWorker | None:
        """Create a container's worker and add its state; return None if there is no image for it."""
        try:
            image, model = self._image(spec, system=system)
        except ValueError as error:
            states.append(self._with_invalid_model(spec, str(error)))
            return None
        if image is None:
            states.append(self._without_image(spec))
            return None
        worker = ContainerWorker(
            self._node,
            self._pod,
            spec,
            image=image,
            model=model,
            network=self._network,
            relists=self._relists,
            anchor=anchor,
            changed=self._dirty.set,
            restarts=restarts,
            follows=bool(self._init),
            volumes=self._volumes,
        )
        states.append(worker.state)
        return worker

    def _begin(self, container: ContainerWorker) -> None:
        """Start a container."""
        self._begun.append(container)
        self._living.append(asyncio.create_task(container.run(), name=f"container of {self._name}"))

    async def _initialize(self) -> bool:
        """Run the init containers one after the other; return False if the pod is deleted before their end.

        A sidecar is started and keeps running; the next container follows once it has started.
        """
        for state in self._init:
            worker = self._init_workers.get(state.name)
            if worker is None:
                await self._stand_in_for(state)
            else:
                self._begin(worker)
                await _first_of(worker.up if state.sidecar else worker.ended, self._deleting)
                state.ready = state.ready or (state.state.get("terminated") or {}).get("exitCode") == 0
            if self._deleting.is_set() or not (state.sidecar or state.ready):
                return False
            self._dirty.set()
        return True

    async def _stand_in_for(self, state: ContainerState) -> None:
        """Report an init container as running for the start time of its stand-in, then as succeeded, unless deleted."""
        started, loop = timestamp(), asyncio.get_running_loop()
        await self._deleted_before(self._relists.next(loop.time()))
        state.state = {"running": {"startedAt": started}}
        self._dirty.set()
        seconds = model_of(self._pod["metadata"], state.image).ready
        if not await self._deleted_before(self._relists.next(loop.time() + seconds)):
            ended: Object = {"exitCode": 0, "reason": "Completed", "startedAt": started, "finishedAt": timestamp()}
            state.state, state.ready = {"terminated": ended}, True

    async def _deleted_before(self, when: float) -> bool:
        """Wait until a time on the loop's clock; return True as soon as the pod is deleted."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(when):
                await self._deleting.wait()
        return self._deleting.is_set()

    def _image(self, spec: Object, *, system: bool) -> tuple[Image | None, StandInModel | None]:
        """Return the image of a container, and the model of the stand-in that runs in its place, or None.

        Raises:
            ValueError: The pod's models cannot be parsed.
        """
        image = find_image(spec["image"], system=system)
        if image is not None or not has_stand_in(spec["image"]):
            return image, None
        model = model_of(self._pod["metadata"], spec["image"])
        return model.image, model

    def _has_command(self, spec: Object) -> bool:
        """Return True if a local command runs in place of a container's image."""
        try:
            return bool(model_of(self._pod["metadata"], spec["image"]).command)
        except ValueError:
            return True  # The worker of the container reports it.

    def _has_any_command(self) -> bool:
        """Return True if a local command runs in place of the image of any container."""
        return any(map(self._has_command, _containers(self._pod)))

    def _with_invalid_model(self, spec: Object, message: str) -> ContainerState:
        self._node.record_event(self._pod, "Failed", f"Error: {message}", kind="Warning")
        waiting = {"waiting": {"reason": "CreateContainerConfigError", "message": message}}
        return ContainerState(spec["name"], spec["image"], state=waiting)

    def _relist_times(self) -> RelistTimes:
        """Return the relist times of the pod, whose first one finds its containers running.

        The ingress controller's first pod starts without a delay, because a real cluster runs its controller before a
        trial begins.
        """
        profile = self._node.profile
        if self._network.address == self._node.settings.block.ingress_address:
            return RelistTimes(0, self._seen)
        return RelistTimes(profile.relist, self._seen + profile.startup.sample(self._node.rng))

    def _without_image(self, spec: Object) -> ContainerState:
        never = spec.get("imagePullPolicy") == "Never"
        known = ", ".join(KNOWN_IMAGES)
        message = f'image "{spec["image"]}" is unknown to the local cluster, which pulls no images; it has {known}'
        reason = "ErrImageNeverPull" if never else "ErrImagePull"
        self._node.record_event(self._pod, reason if never else "Failed", message, kind="Warning")
        self._node.record_event(self._pod, "Failed", f"Error: {reason}", kind="Warning")
        if not never:
            reason = "ImagePullBackOff"
            self._node.record_event(self._pod, "BackOff", f'Back-off pulling image "{spec["image"]}"')
        waiting = {"waiting": {"reason": reason, "message": message}}
        return ContainerState(spec["name"], spec["image"], state=waiting)

    async def _wait_for_start(self) -> bool:
        """Wait as long as a real kubelet takes to start containers; return True if the pod is deleted meanwhile.

        Volumes are mounted only for local commands, but the ConfigMaps and Secrets of all volumes must exist.
        """
        while reason := await self._why_not_mounted():
            self._node.record_event(self._pod, "FailedMount", reason, kind="Warning")
            if await self._deleted_before(asyncio.get_running_loop().time() + _MOUNT_INTERVAL):
                return True
        begin = self._seen + self._node.profile.container_start.sample(self._node.rng)
        try:
            async with asyncio.timeout_at(min(begin, self._relists.first - _SHORTEST_START)):
                await self._deleting.wait()
        except TimeoutError:
            return self._deleting.is_set()
        return True

    def _volumes_of_commands(self) -> PodVolumes | None:
        """Return the pod's volumes if a local command mounts one: all other programs read no files."""
        if not any(has_stand_in(each["image"]) and each.get("volumeMounts") for each in _containers(self._pod)):
            return None
        if not self._has_any_command():
            return None
        folder = self._node.settings.directory / "volumes" / self._pod["metadata"]["uid"]
        return PodVolumes(self._node.client, folder, self._pod)

    async def _why_not_mounted(self) -> str:
        """Mount the volumes; return the reason if that is impossible for now, empty if all are mounted."""
        if self._volumes is None:
            return await missing_for_volumes(self._node.client, self._pod)
        try:
            await self._volumes.write(self._network.address)
        except MountError as error:
            return str(error)
        return ""

    async def _sync_volumes(self, volumes: PodVolumes) -> None:
        """Bring the files of volumes up to date at each periodic sync of the pod."""
        while True:
            await asyncio.sleep(self._node.profile.pod_sync.sample(self._node.rng))
            try:
                await volumes.write(self._network.address)
            except MountError as error:
                self._node.record_event(self._pod, "FailedMount", str(error), kind="Warning")
            except ApiError as error:
                _log.warning("cannot read the volumes of pod %s/%s: %s", self._namespace, self._name, error)

    async def _stop(self) -> None:
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(self._relists.stop(now) - now)
        self._network.notice_listeners()
        # An object without a deletion mark was deleted by force.
        grace = self._pod["metadata"].get("deletionGracePeriodSeconds", FORCED_GRACE)
        await asyncio.gather(*(self._stop_in_turn(each, grace) for each in self._begun))

    async def _stop_in_turn(self, container: ContainerWorker, grace: int) -> None:
        """Stop a container; a sidecar gets SIGTERM after all containers that began later have ended."""
        later = self._begun[self._begun.index(container) + 1 :]

        async def turn() -> None:
            for each in later:
                await each.ended.wait()

        await container.stop(grace, turn if container.state.sidecar else None)

    async def _end_network(self) -> None:
        """Remove the pod's network soon after its last container has ended; its sidecars end with the others."""
        for container in self._containers:
            await _first_of(container.ended, self._deleting)
        if not self._deleting.is_set():
            grace = self._pod["spec"].get("terminationGracePeriodSeconds", 30)
            sidecars = [each for each in self._begun if each.state.sidecar]
            await asyncio.gather(*(self._stop_in_turn(each, grace) for each in sidecars))
        await self._all_ended()
        await asyncio.sleep(self._node.profile.network.sample(self._node.rng))
        if kept := self._network.remove():
            self._node.report_kept(self._pod, self._network.address, kept)

    async def _all_ended(self) -> None:
        """Wait until every container that has begun has ended."""
        for container in self._begun:
            await container.ended.wait()

    async def _patch_changes(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            await self._patch_status()

    async def _patch_status(self) -> None:
        if self._gone.is_set():
            return
        status = pod_status(
            self._pod,
            self._states,
            address=self._network.address if any(each.container_id for each in self._states) else "",
            host=self._node.settings.block.node_address,
            deleting=self._deleting.is_set(),
            init=self._init,
        )
        self._pod["status"] = self._pod.get("status", {}) | status
        body = {"status": status | {"conditions": [_patch_of(e) for e in status["conditions"] if _is_own(e)]}}
        try:
            await self._node.client.patch(
                PODS, self._name, self._namespace, body, strategy="strategic", subresource="status"
            )
        except NotFound:
            self._gone.set()
        except ApiError as error:
            _log.warning("cannot write the status of pod %s/%s: %s", self._namespace, self._name, error)

    async def _finish(self) -> None:
        """Wait as long as a real kubelet takes to clean up, then delete the object if it still exists."""
        if self._gone.is_set():
            return
        await asyncio.sleep(self._node.profile.removal.sample(self._node.rng))
        uid = self._pod["metadata"]["uid"]
        with suppress(NotFound, Conflict):
            await self._node.client.delete(PODS, self._name, self._namespace, grace=0, uid=uid)
        await self._gone.wait()


def _is_own(condition: Object) -> bool:
    return condition["type"] in OWN_CONDITIONS


def _patch_of(condition: Object) -> Object:
    """Return a condition as a strategic merge patch.

    It keeps the conditions of other components and removes an old reason.
    """
    return {"reason": None, "message": None, **condition}


def _declared_ports(pod: Object) -> set[int]:
    """Return the ports that the containers of a pod declare."""
    return {int(port["containerPort"]) for each in _containers(pod) for port in each.get("ports") or []}


def _containers(pod: Object) -> list[Object]:
    """Return the containers of a pod, after its init containers."""
    return [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]


async def _first_of(*events: asyncio.Event) -> None:
    """Wait until one of the events is set."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
