"""Traefik as a part of the cluster: its IngressClass is made, it runs, and what it says is kept with its time."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from harness.clusters.local.ingress.journal import Journal
from harness.clusters.local.machinery.client import AlreadyExists, ApiClient
from harness.clusters.local.machinery.resources import INGRESSCLASSES
from harness.clusters.local.settings import NodeSettings
from harness.clusters.local.traefik.following import follow_log
from harness.clusters.local.traefik.install import find_traefik
from harness.clusters.local.traefik.process import LOG, PROVIDERS, TraefikProcess

#: (name, controller) of the IngressClass by the word in an Experiment. With its provider for ingress-nginx's
#: annotations Traefik takes the Ingresses of ingress-nginx's own class.
CLASSES = {
    "traefik": ("traefik", "traefik.io/ingress-controller"),
    "traefik-nginx": ("nginx", "k8s.io/ingress-nginx"),
}


async def run_traefik(client: ApiClient, settings: NodeSettings) -> None:
    """Run Traefik until cancelled; then it is gone.

    Args:
        client: The API server; Traefik has a client of its own.
        settings: Where to listen and write.

    Raises:
        BringUpError: It ended by itself.
    """
    settings.logs.mkdir(parents=True, exist_ok=True)
    name, controller = CLASSES[settings.ingress]
    with suppress(AlreadyExists):
        await client.create(INGRESSCLASSES, {"metadata": {"name": name}, "spec": {"controller": controller}})
    traefik = TraefikProcess(find_traefik(), PROVIDERS[settings.ingress])
    await traefik.start(settings.block.ingress_address, settings.entry_port, client.base_url, settings.logs)
    try:
        with Journal(settings.logs / "ingress-controller.jsonl") as journal:
            follower = asyncio.create_task(follow_log(settings.logs / LOG, journal), name="traefik log")
            ended = asyncio.create_task(traefik.wait(), name="traefik end")
            try:
                await asyncio.wait([follower, ended], return_when=asyncio.FIRST_COMPLETED)
                if follower.done():
                    follower.result()
                raise traefik.failure(ended.result())
            finally:
                follower.cancel()
                ended.cancel()
    finally:
        # As a node that is switched off: nobody waits for its answers any more.
        await traefik.stop(grace=0)
