"""The node: state that all its pods share, and its Node object."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from harness.localkube.kubelet.black_hole import BlackHole
from harness.localkube.kubelet.handlers import HandlerRunner
from harness.localkube.kubelet.local_command import RecentListeners
from harness.localkube.kubelet.runtime import Runtime
from harness.localkube.kubelet.scheduling import HOSTNAME, NODE_LABELS, unschedulable
from harness.localkube.kubelet.termination import Stopper
from harness.localkube.machinery.client import AlreadyExists, ApiClient
from harness.localkube.machinery.events import EventRecorder
from harness.localkube.machinery.objects import Object, timestamp
from harness.localkube.machinery.resources import NODES
from harness.localkube.profiles import Profile
from harness.localkube.settings import NodeSettings
from harness.localkube.system.programs import INGRESS_PROGRAMS

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Node:
    """The state that all pods of the node share.

    Attributes:
        name: Name of the Node object.
        client: API client.
        settings: The cluster's settings.
        profile: Its delays.
        rng: Random generator, seeded by the settings.
        runtime: Runtime of the containers.
        handlers: Runs probes and hooks.
        stopper: Stops containers.
        recorder: Writes Events as ``kubelet``.
        scheduler: Writes Events as the scheduler, which is part of this kubelet.
        black_hole: Drops connections to the addresses of pods that have ended.
        listeners: The listeners of the machine, to find commands that listen at addresses of other pods.
        schedulable: Set while the node accepts new pods (cleared by ``kubectl cordon``).
        freed: Set when a pod leaves the node, and then replaced.
    """

    name: str
    client: ApiClient
    settings: NodeSettings
    profile: Profile
    rng: random.Random
    runtime: Runtime
    handlers: HandlerRunner
    stopper: Stopper
    recorder: EventRecorder
    scheduler: EventRecorder
    black_hole: BlackHole = field(default_factory=BlackHole)
    listeners: RecentListeners = field(default_factory=RecentListeners)
    schedulable: asyncio.Event = field(default_factory=asyncio.Event)
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    _placed: dict[str, Object] = field(default_factory=dict)
    _numbers: count[int] = field(default_factory=lambda: count(1))
    _taken: set[str] = field(default_factory=set)
    _background: set[asyncio.Task[None]] = field(default_factory=set)
    _kept: asyncio.Lock = field(default_factory=asyncio.Lock)

    def next_address(self) -> str:
        """Return an address that no pod has had before."""
        return self.settings.block.pod_address(next(self._numbers))

    def system_address(self) -> str:
        """Return an address for a pod of the ingress controller: the well-known one for the first pod."""
        address = self.settings.block.ingress_address
        if address in self._taken:
            return self.next_address()
        self._taken.add(address)
        return address

    def why_not(self, pod: Object) -> str:
        """Return why the node does not take a pod now, as the scheduler's message; empty if it takes it."""
        return unschedulable(pod, self.name, self._placed.values())

    def place(self, pod: Object) -> None:
        """Count a pod as one of the node's."""
        self._placed[pod["metadata"]["uid"]] = pod

    def release(self, pod: Object) -> None:
        """Stop counting a pod as one of the node's, and wake the pods that wait for room."""
        if self._placed.pop(pod["metadata"]["uid"], None) is not None:
            self.freed.set()
            self.freed = asyncio.Event()

    def is_system(self, namespace: str) -> bool:
        """Return True if pods of a namespace belong to the cluster itself."""
        program = INGRESS_PROGRAMS.get(self.settings.ingress)
        return program is not None and program.address.namespace == namespace

    def record_event(self, obj: Object, reason: str, message: str, *, kind: str = "Normal") -> None:
        """Write an Event in the background, so that the write does not delay the pod."""
        self.spawn(self.recorder.event(obj, kind, reason, message), f"event {reason}")

    def record_scheduling_event(self, obj: Object, reason: str, message: str, *, kind: str = "Normal") -> None:
        """Write an Event of the scheduler in the background."""
        self.spawn(self.scheduler.event(obj, kind, reason, message), f"event {reason}")

    def report_kept(self, pod: Object, address: str, ports: Sequence[int]) -> None:
        """Report that connections to a removed pod are not dropped, as an Event of the pod and a condition of the node.

        A real cluster would drop them, and a client would wait. The condition makes a run's verdict inconclusive.
        """
        where = ", ".join(f"{address}:{port}" for port in ports)
        message = (
            f"A socket of pod {pod['metadata']['name']} keeps {where} after its end, so connections to it are not "
            "dropped: let the program set SO_REUSEADDR before it listens"
        )
        self.record_event(pod, "NetworkNotRemoved", message, kind="Warning")
        self.spawn(self._report_condition(message), "condition NetworkUnavailable")

    async def _report_condition(self, message: str) -> None:
        """Set the condition NetworkUnavailable; each report is a change from False to True, so that watches see it."""
        async with self._kept:
            for status in ("False", "True"):
                body = {"status": {"conditions": [_network_condition(status, message)]}}
                await self.client.patch(NODES, self.name, None, body, strategy="strategic", subresource="status")

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run a coroutine in the background; it is cancelled with the node."""
        task = asyncio.create_task(work, name=name)
        self._background.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("%s failed", task.get_name(), exc_info=error)

    async def close(self) -> None:
        """Cancel the background tasks and release all addresses."""
        tasks = tuple(self._background)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.black_hole.close()

    async def register(self, port: int) -> None:
        """Create the Node object with status Ready; ``port`` is that of the kubelet's server.

        The node accepts pods at once. If it waited until its watch reports the object, the first pods of a new cluster
        would be reported as unschedulable.
        """
        with suppress(AlreadyExists):
            await self.client.create(NODES, node_object(self.name, self.settings.block.node_address, port))
            self.schedulable.set()


def _network_condition(status: str, message: str) -> Object:
    now = timestamp()
    return {
        "type": "NetworkUnavailable",
        "status": status,
        "reason": "NetworkNotRemoved",
        "message": message,
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    }


def node_object(name: str, address: str, port: int) -> Object:
    """Build the Node object of the only node; ``port`` is that of the kubelet's server."""
    now = timestamp()
    resources = {"cpu": "64", "memory": "64Gi", "pods": "1000", "ephemeral-storage": "64Gi"}
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "KubeletReady",
        "message": "kubelet is posting ready status",
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    }
    return {
        "metadata": {"name": name, "labels": {**NODE_LABELS, HOSTNAME: name}},
        "spec": {},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "capacity": resources,
            "allocatable": resources,
            "conditions": [ready],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
            "nodeInfo": {
                "architecture": "amd64",
                "bootID": "",
                "containerRuntimeVersion": "processes://1",
                "kernelVersion": "",
                "kubeProxyVersion": "",
                "kubeletVersion": "v1.34.0",
                "machineID": "",
                "operatingSystem": "linux",
                "osImage": "harness local cluster",
                "systemUUID": "",
            },
        },
    }
