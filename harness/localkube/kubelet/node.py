"""The node as the rest of the kubelet knows it: what all pods share, and the Node object that stands for it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from harness.localkube.kubelet.handlers import Handlers
from harness.localkube.kubelet.runtime import Runtime
from harness.localkube.kubelet.silence import Silence
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
    """What the pods of one node share.

    Attributes:
        name: Name of the Node object.
        client: The API.
        settings: The cluster's settings.
        profile: Its delays.
        rng: Source of chance, seeded by the settings.
        runtime: Where containers run.
        handlers: Performs probes and hooks.
        stopper: Stops containers.
        recorder: Writes Events as ``kubelet``.
        scheduler: Writes Events as the scheduler, which this kubelet is as well.
        silence: What is left of the addresses of pods that have ended.
        schedulable: Set while the node takes new pods (cleared by ``kubectl cordon``).
    """

    name: str
    client: ApiClient
    settings: NodeSettings
    profile: Profile
    rng: random.Random
    runtime: Runtime
    handlers: Handlers
    stopper: Stopper
    recorder: EventRecorder
    scheduler: EventRecorder
    silence: Silence = field(default_factory=Silence)
    schedulable: asyncio.Event = field(default_factory=asyncio.Event)
    _numbers: count[int] = field(default_factory=lambda: count(1))
    _taken: set[str] = field(default_factory=set)
    _background: set[asyncio.Task[None]] = field(default_factory=set)

    def next_address(self) -> str:
        """An address that no pod had before."""
        return self.settings.block.pod_address(next(self._numbers))

    def system_address(self) -> str:
        """An address for a pod of the ingress controller: the well-known one for the first, which is there at once."""
        address = self.settings.block.ingress_address
        if address in self._taken:
            return self.next_address()
        self._taken.add(address)
        return address

    def is_system(self, namespace: str) -> bool:
        """Whether pods of a namespace belong to the cluster itself."""
        program = INGRESS_PROGRAMS.get(self.settings.ingress)
        return program is not None and program.namespace == namespace

    def tell(self, obj: Object, reason: str, message: str, *, kind: str = "Normal") -> None:
        """Write an Event without waiting for it: talking about work must not delay the work."""
        self.spawn(self.recorder.event(obj, kind, reason, message), f"event {reason}")

    def tell_scheduling(self, obj: Object, reason: str, message: str, *, kind: str = "Normal") -> None:
        """Write an Event about where a pod goes, without waiting for it."""
        self.spawn(self.scheduler.event(obj, kind, reason, message), f"event {reason}")

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run something beside; it is cancelled with the node."""
        task = asyncio.create_task(work, name=name)
        self._background.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("%s failed", task.get_name(), exc_info=error)

    async def close(self) -> None:
        """Cancel what runs beside, and give up all addresses."""
        tasks = tuple(self._background)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.silence.end()

    async def register(self) -> None:
        """Create the Node object, Ready."""
        with suppress(AlreadyExists):
            await self.client.create(NODES, node_object(self.name, self.settings.block.node_address))


def node_object(name: str, address: str) -> Object:
    """The Node object of the only node."""
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
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux"}},
        "spec": {},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "capacity": resources,
            "allocatable": resources,
            "conditions": [ready],
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
