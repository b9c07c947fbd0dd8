"""The ingress controllers as objects of the API, named and labelled as their own manifests do it.

They are few and small: what a rolling update of them needs, and what a user who looks around expects to find.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.clusters.base import Controller
from harness.localkube.machinery.objects import Object

#: Seconds that a controller's pod is given to end, as in the kind cluster's manifests.
GRACE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class System:
    """One ingress controller.

    Attributes:
        controller: Where it runs.
        service: The Service by which traffic enters.
        image: What its pods run: the name that it has on a real cluster.
        port: Name of the port that takes traffic.
        container: What else its container has.
    """

    controller: Controller
    service: str
    image: str
    port: str
    container: Mapping[str, Any]


_NGINX = System(
    Controller(
        "ingress-nginx",
        "ingress-nginx-controller",
        {"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/component": "controller"},
    ),
    service="ingress-nginx-controller",
    image="registry.k8s.io/ingress-nginx/controller:v1.11.0",
    port="http",
    container={
        "name": "controller",
        # Until it has ended, so that the pod's own SIGTERM comes last, as in its own manifests.
        "lifecycle": {"preStop": {"exec": {"command": ["/wait-shutdown"]}}},
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 1},
    },
)
_TRAEFIK = System(
    Controller("traefik", "traefik", {"app.kubernetes.io/name": "traefik"}),
    service="traefik",
    image="traefik:v3",
    port="web",
    # Not its ping: every request at its entry point would be a line of the access log.
    container={"name": "traefik", "readinessProbe": {"tcpSocket": {"port": "web"}, "periodSeconds": 1}},
)

#: By the word that Experiments use.
SYSTEMS: Mapping[str, System] = {"ingress-nginx": _NGINX, "traefik": _TRAEFIK, "traefik-nginx": _TRAEFIK}


def namespace_of(system: System) -> Object:
    """Its namespace."""
    return {"metadata": {"name": system.controller.namespace}}


def service_of(system: System) -> Object:
    """Its Service; kube-proxy's file of it says where traffic enters."""
    return {
        "metadata": {"name": system.service, "labels": dict(system.controller.labels)},
        "spec": {
            "type": "ClusterIP",
            "selector": dict(system.controller.labels),
            "ports": [{"name": system.port, "port": 80, "targetPort": system.port}],
        },
    }


def deployment_of(system: System, port: int) -> Object:
    """Its Deployment.

    Args:
        system: The controller.
        port: At which its pods take traffic.
    """
    labels = dict(system.controller.labels)
    container = {
        "image": system.image,
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"name": system.port, "containerPort": port}],
        **system.container,
    }
    return {
        "metadata": {"name": system.controller.deployment, "labels": labels},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"terminationGracePeriodSeconds": GRACE_SECONDS, "containers": [container]},
            },
        },
    }
