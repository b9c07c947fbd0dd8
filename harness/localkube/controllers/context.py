"""State that all controllers share: API client, caches of the resources they watch, and a real cluster's delays."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from harness.localkube.controllers.resource_cache import ResourceCache
from harness.localkube.machinery.client import ApiClient
from harness.localkube.profiles import Profile

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Context:
    """The shared state of the controllers.

    Attributes:
        client: API client.
        profile: Delays.
        rng: Random generator, seeded by the cluster's settings.
        namespaces: Cache.
        deployments: Cache.
        replicasets: Cache.
        pods: Cache.
        services: Cache.
        slices: Cache of EndpointSlices.
        budgets: Cache of PodDisruptionBudgets.
        autoscalers: Cache of HorizontalPodAutoscalers.
    """

    client: ApiClient
    profile: Profile
    rng: random.Random
    namespaces: ResourceCache
    deployments: ResourceCache
    replicasets: ResourceCache
    pods: ResourceCache
    services: ResourceCache
    slices: ResourceCache
    budgets: ResourceCache
    autoscalers: ResourceCache
    _background: set[asyncio.Task[None]] = field(default_factory=set)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine in the background, such as the write of an Event; nothing waits for its end."""
        task = asyncio.create_task(work, name="controller event")
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def close(self) -> None:
        """Cancel the background tasks."""
        tasks = tuple(self._background)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
