"""The kubelet's main loop: one worker for each pod of this node."""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Any

import aiohttp

from harness.localkube.kubelet.container_server import ContainerServer
from harness.localkube.kubelet.handlers import HandlerRunner
from harness.localkube.kubelet.node import Node, node_name
from harness.localkube.kubelet.pod import PodWorker
from harness.localkube.kubelet.runtime import Runtime
from harness.localkube.kubelet.termination import Stopper
from harness.localkube.machinery.client import ApiClient, EventType
from harness.localkube.machinery.events import EventRecorder
from harness.localkube.machinery.informer import Informer
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import NODES, PODS
from harness.localkube.profiles import Profile
from harness.localkube.settings import CONTAINERS_LOG, NodeSettings
from harness.localkube.system.programs import INGRESS_PROGRAMS
from harness.localkube.system.runtime import NodeRuntime, SystemRuntime

_log = logging.getLogger(__name__)


async def run(client: ApiClient, settings: NodeSettings, server: ContainerServer | None = None) -> None:
    """Implement ``run_kubelet``."""
    (settings.directory / "logs" / "pods").mkdir(parents=True, exist_ok=True)
    connector = aiohttp.TCPConnector(force_close=True, limit=0)
    program = INGRESS_PROGRAMS.get(settings.ingress)
    controllers = {program.app: program.run_controller} if program is not None else {}
    async with (
        aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session,
        SystemRuntime(client, settings, controllers) as system,
        NodeRuntime(settings.directory / "logs" / CONTAINERS_LOG, system, server) as runtime,
        Informer(client, NODES) as nodes,
        Informer(client, PODS) as pods,
    ):
        node = _node(client, settings, runtime, session)
        await node.register()
        workers = PodWorkers(node)
        nodes.subscribe(workers.on_node)
        pods.subscribe(workers.on_pod)
        try:
            await runtime.gone()
        except BaseExceptionGroup as group:
            # Unwrap the only error from the task group.
            raise group.exceptions[0] from None
        finally:
            await workers.close()
            await node.close()


def _node(client: ApiClient, settings: NodeSettings, runtime: Runtime, session: aiohttp.ClientSession) -> Node:
    profile = Profile.by_name(settings.profile)
    rng = random.Random(f"kubelet {settings.seed}")  # noqa: S311 - delays, not secrets
    return Node(
        name=node_name(settings.name),
        client=client,
        settings=settings,
        profile=profile,
        rng=rng,
        runtime=runtime,
        handlers=HandlerRunner(runtime, session),
        stopper=Stopper(runtime, profile, rng),
        recorder=EventRecorder(client, "kubelet"),
        scheduler=EventRecorder(client, "default-scheduler"),
    )


class PodWorkers:
    """The workers of all pods, one for each; informers call it with changes.

    Args:
        node: The node.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._workers: dict[str, tuple[PodWorker, asyncio.Task[Any]]] = {}
        self._closed = False

    def on_node(self, kind: EventType, _old: Object | None, node: Object) -> None:
        """Handle a changed Node object: cordoned or uncordoned."""
        if node["metadata"]["name"] != self._node.name:
            return
        if kind == "DELETED" or (node.get("spec") or {}).get("unschedulable"):
            self._node.schedulable.clear()
        else:
            self._node.schedulable.set()

    def on_pod(self, kind: EventType, _old: Object | None, pod: Object) -> None:
        """Handle a changed pod: start, update or end its worker."""
        uid = pod["metadata"]["uid"]
        known = self._workers.get(uid)
        if kind == "DELETED":
            if known is not None:
                known[0].removed()
            return
        if known is None:
            if self._closed or pod["spec"].get("nodeName") not in {None, "", self._node.name}:
                return
            worker = PodWorker(self._node, {**pod, "metadata": dict(pod["metadata"])})
            task = asyncio.create_task(worker.run(), name=f"worker {pod['metadata']['name']}")
            task.add_done_callback(lambda ended: self._forget(uid, ended))
            self._workers[uid] = known = (worker, task)
        known[0].update(pod)

    def _forget(self, uid: str, worker: asyncio.Task[Any]) -> None:
        del self._workers[uid]
        if not worker.cancelled() and (error := worker.exception()) is not None:
            _log.error("%s failed", worker.get_name(), exc_info=error)

    async def close(self) -> None:
        """Kill every pod of the node; pods created later are not started."""
        self._closed = True
        tasks = [task for _, task in self._workers.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
