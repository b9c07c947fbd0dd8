"""Run all controllers on shared caches, as kube-controller-manager does."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack

from harness.localkube.controllers.autoscaler import AutoscalerController
from harness.localkube.controllers.context import Context
from harness.localkube.controllers.deployment import DeploymentController
from harness.localkube.controllers.disruption import DisruptionController
from harness.localkube.controllers.endpointslice import EndpointSliceController
from harness.localkube.controllers.garbage import GarbageCollector
from harness.localkube.controllers.namespace import NamespaceController
from harness.localkube.controllers.replicaset import ReplicaSetController
from harness.localkube.controllers.resource_cache import ResourceCache
from harness.localkube.machinery.client import ApiClient
from harness.localkube.machinery.informer import Informer
from harness.localkube.machinery.resources import (
    AUTOSCALERS,
    BUDGETS,
    DEPLOYMENTS,
    ENDPOINTSLICES,
    NAMESPACES,
    PODS,
    REPLICASETS,
    SERVICES,
    Resource,
)
from harness.localkube.profiles import Profile
from harness.localkube.settings import NodeSettings


async def run_controllers(client: ApiClient, settings: NodeSettings) -> None:
    """Run the controllers until cancelled."""
    async with AsyncExitStack() as stack:

        async def cache(resource: Resource) -> ResourceCache:
            return ResourceCache(client, resource, await stack.enter_async_context(Informer(client, resource)))

        context = Context(
            client=client,
            profile=Profile.by_name(settings.profile),
            rng=random.Random(f"controllers {settings.seed}"),  # noqa: S311 - delays, not secrets
            namespaces=await cache(NAMESPACES),
            deployments=await cache(DEPLOYMENTS),
            replicasets=await cache(REPLICASETS),
            pods=await cache(PODS),
            services=await cache(SERVICES),
            slices=await cache(ENDPOINTSLICES),
            budgets=await cache(BUDGETS),
            autoscalers=await cache(AUTOSCALERS),
        )
        stack.push_async_callback(context.close)
        controllers = (
            DeploymentController(context),
            ReplicaSetController(context),
            EndpointSliceController(context),
            DisruptionController(context),
            AutoscalerController(context),
            GarbageCollector(context),
            NamespaceController(context),
        )
        for controller in controllers:
            await stack.enter_async_context(controller.queue)
        for controller in controllers:
            controller.start()
        await asyncio.Event().wait()
