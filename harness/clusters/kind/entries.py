"""The way straight to a Service, as kube-proxy carries it out: a NodePort of the node, mapped to this machine.

kind maps it by ``docker-proxy``, which accepts before it dials: what kube-proxy refuses or drops shows as an end of the
connection or as a timeout. A Service's own type is changed for it; it goes with the trial's namespace.
"""

from __future__ import annotations

from harness.clusters.base import Entry
from harness.clusters.kind.owned import Owned
from harness.clusters.kind.settings import SERVICE_NODE_PORT
from harness.errors import HarnessError
from harness.kube.api import KubeApi


def open_service(kube: KubeApi, mine: Owned, namespace: str, service: str) -> Entry:
    """Give a Service the node's port that is mapped for it.

    Args:
        kube: The cluster's API server.
        mine: The cluster.
        namespace: Where the Service is.
        service: Its name; its first port is taken.

    Raises:
        HarnessError: The cluster has no port for it, or the Service can't have one (a headless one).
    """
    if not mine.service_port:
        raise HarnessError(
            f"The kind cluster {mine.name} was made without a port for Services.",
            hint=f"harness cluster down --cluster kind --name {mine.name}",
        )
    spec = kube.get("Service", service, namespace)["spec"]
    if spec.get("clusterIP") == "None":
        raise HarnessError(
            f"The Service {service} is headless (clusterIP: None): kube-proxy has nothing to do with it.",
            hint="Take out clusterIP: None, or name another Service under entry.",
        )
    first = {**spec["ports"][0], "nodePort": SERVICE_NODE_PORT}
    kube.patch("Service", service, namespace, {"spec": {"type": "NodePort", "ports": [first]}}, strategy="strategic")
    return Entry("127.0.0.1", mine.service_port)
