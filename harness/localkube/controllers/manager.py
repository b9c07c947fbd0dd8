"""Runs all controllers on shared local copies, as kube-controller-manager does."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack

from harness.localkube.controllers.context import Context
from harness.localkube.controllers.deployment import DeploymentController
from harness.localkube.controllers.endpointslice import EndpointSliceController
from harness.localkube.controllers.garbage import GarbageCollector
from harness.localkube.controllers.mirror import Mirror
from harness.localkube.controllers.namespace import NamespaceController
from harness.localkube.controllers.replicaset import ReplicaSetController
from harness.localkube.machinery.client import ApiClient
from harness.localkube.machinery.informer import Informer
from harness.localkube.machinery.resources import (
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

        async def mirror(resource: Resource) -> Mirror:
            return Mirror(client, resource, await stack.enter_async_context(Informer(client, resource)))

        context = Context(
            client=client,
            profile=Profile.by_name(settings.profile),
            rng=random.Random(f"controllers {settings.seed}"),  # noqa: S311 - delays, not secrets
            namespaces=await mirror(NAMESPACES),
            deployments=await mirror(DEPLOYMENTS),
            replicasets=await mirror(REPLICASETS),
            pods=await mirror(PODS),
            services=await mirror(SERVICES),
            slices=await mirror(ENDPOINTSLICES),
        )
        stack.push_async_callback(context.close)
        controllers = (
            DeploymentController(context),
            ReplicaSetController(context),
            EndpointSliceController(context),
            GarbageCollector(context),
            NamespaceController(context),
        )
        for controller in controllers:
            await stack.enter_async_context(controller.queue)
        for controller in controllers:
            controller.start()
        await asyncio.Event().wait()
