"""The ingress controllers that a kind cluster can have: where their files are, where they answer, how they are read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.clusters.base import Controller
from harness.clusters.shared.controllers import NGINX, TRAEFIK, ControllerLog


@dataclass(frozen=True, slots=True)
class KindIngress:
    """One ingress controller.

    Attributes:
        image: Its image's name in ``images.yaml``.
        folders: Where its manifests are, below ``kind-config/``; one of a later takes the place of an earlier.
        node_port: The port of the node at which it answers.
        controller: Where it runs.
        log: How its log is read.
    """

    image: str
    folders: tuple[str, ...]
    node_port: int
    controller: Controller
    log: ControllerLog


_NGINX = Controller(
    "ingress-nginx",
    "ingress-nginx-controller",
    {"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/component": "controller"},
)
_TRAEFIK = Controller("traefik", "traefik", {"app.kubernetes.io/name": "traefik"})

#: By the word that Experiments use.
KIND_INGRESSES: Mapping[str, KindIngress] = {
    "ingress-nginx": KindIngress("ingress-nginx", ("ingress-nginx",), 30080, _NGINX, NGINX),
    "traefik": KindIngress("traefik", ("traefik",), 30800, _TRAEFIK, TRAEFIK),
    "traefik-nginx": KindIngress("traefik", ("traefik", "traefik-nginx"), 30800, _TRAEFIK, TRAEFIK),
}

#: The port of the node that a Service is given which traffic goes straight to.
SERVICE_NODE_PORT = 30900
