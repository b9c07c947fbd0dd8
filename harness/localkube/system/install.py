"""Create the ingress controller's objects, as the person who installs a cluster does."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from harness.localkube.machinery.client import AlreadyExists, ApiClient
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import DEPLOYMENTS, NAMESPACES, SERVICES, Resource
from harness.localkube.settings import NodeSettings
from harness.localkube.system.manifests import deployment_of, namespace_of, service_of
from harness.localkube.system.programs import INGRESS_PROGRAMS


async def run_installer(client: ApiClient, settings: NodeSettings) -> None:
    """Create the objects once, then wait until cancelled, like every component.

    The user may change the objects afterwards.
    """
    program = INGRESS_PROGRAMS[settings.ingress]
    objects: tuple[tuple[Resource, Object, str], ...] = (
        (NAMESPACES, namespace_of(program), ""),
        (SERVICES, service_of(program), program.address.namespace),
        (DEPLOYMENTS, deployment_of(program, settings.entry_port, settings.tls_port), program.address.namespace),
    )
    for resource, obj, namespace in objects:
        with suppress(AlreadyExists):
            await client.create(resource, obj, namespace)
    await asyncio.Event().wait()
