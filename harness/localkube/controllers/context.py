"""What all controllers share: the API, local copies of what they follow, and the delays of a real cluster."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from harness.localkube.controllers.mirror import Mirror
from harness.localkube.machinery.client import ApiClient
from harness.localkube.profiles import Profile

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Context:
    """Shared by the controllers.

    Attributes:
        client: The API.
        profile: Delays.
        rng: Source of chance, seeded by the cluster's settings.
        namespaces: Local copy.
        deployments: Local copy.
        replicasets: Local copy.
        pods: Local copy.
        services: Local copy.
        slices: Local copy of EndpointSlices.
    """

    client: ApiClient
    profile: Profile
    rng: random.Random
    namespaces: Mirror
    deployments: Mirror
    replicasets: Mirror
    pods: Mirror
    services: Mirror
    slices: Mirror
    _background: set[asyncio.Task[None]] = field(default_factory=set)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside that nobody waits for, such as the writing of an Event."""
        task = asyncio.create_task(work, name="controller event")
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def close(self) -> None:
        """Cancel what runs beside."""
        tasks = tuple(self._background)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
