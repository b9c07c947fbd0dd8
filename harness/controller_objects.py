"""The objects of ingress controllers on a cluster, with the names of the controllers' own manifests.

The harness finds a controller by these objects, and the embedded cluster creates them. The embedded cluster may not
import the harness's table of controllers, so both take the names from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ControllerAddress:
    """The objects that identify a controller on a cluster.

    Attributes:
        namespace: Namespace of all of them.
        deployment: Name of its Deployment.
        service: Name of the Service that receives its traffic.
        labels: Labels of its pods.
        settings: Name of the ConfigMap with its settings; empty if it reads none.
    """

    namespace: str
    deployment: str
    service: str
    labels: Mapping[str, str]
    settings: str = ""

    def is_configured_by(self, manifest: Mapping[str, Any]) -> bool:
        """Return True if an object of a workload, without its namespace, is the ConfigMap with its settings."""
        kind, metadata = manifest.get("kind"), manifest.get("metadata")
        name = metadata.get("name") if isinstance(metadata, Mapping) else None
        return bool(self.settings) and (kind, name) == ("ConfigMap", self.settings)


@dataclass(frozen=True, slots=True)
class ControllerObjects:
    """The names by which a controller and its users refer to each other.

    Attributes:
        address: Its own objects.
        ingress_class: Name of its IngressClass.
        annotations: Prefix of the annotations that it reads.
    """

    address: ControllerAddress
    ingress_class: str
    annotations: str


INGRESS_NGINX = ControllerObjects(
    ControllerAddress(
        namespace="ingress-nginx",
        deployment="ingress-nginx-controller",
        service="ingress-nginx-controller",
        labels={"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/component": "controller"},
        settings="ingress-nginx-controller",
    ),
    ingress_class="nginx",
    annotations="nginx.ingress.kubernetes.io/",
)
TRAEFIK = ControllerObjects(
    ControllerAddress(
        namespace="traefik", deployment="traefik", service="traefik", labels={"app.kubernetes.io/name": "traefik"}
    ),
    ingress_class="traefik",
    annotations="traefik.ingress.kubernetes.io/",
)
