"""Entries that lead to a Service through kube-proxy: a NodePort of the node, mapped to this machine.

kind maps ports with ``docker-proxy``, which accepts a connection before it connects to the node. The client therefore
sees a connection that kube-proxy refuses or drops as closed or timed out. The Service becomes one of type NodePort.
This is not undone, since the Service is removed with the trial's namespace.
"""

from __future__ import annotations

from harness.clusters.base import Entry
from harness.clusters.kind.records import ClusterRecord
from harness.clusters.kind.settings import SERVICE_NODE_PORT
from harness.errors import HarnessError
from harness.kube.api import KubeApi


def open_service(kube: KubeApi, record: ClusterRecord, namespace: str, service: str) -> Entry:
    """Give a Service the NodePort that is mapped to this machine. Return the entry.

    Args:
        kube: The cluster's API server.
        record: The record of the cluster.
        namespace: Namespace of the Service.
        service: Its name. Its first port is used.

    Raises:
        HarnessError: The cluster has no port for it, or the Service is headless.
    """
    if not record.service_port:
        raise HarnessError(
            f"The kind cluster {record.name} has no port for Services: an earlier version created it.",
            hint=f"Remove it, and run again: harness cluster down --cluster kind --name {record.name}",
        )
    spec = kube.get("Service", service, namespace)["spec"]
    if spec.get("clusterIP") == "None":
        raise HarnessError(
            f"The Service {service} is headless (clusterIP: None), so kube-proxy does not serve it.",
            hint="Remove clusterIP: None, or name another Service under entry.",
        )
    first = {**spec["ports"][0], "nodePort": SERVICE_NODE_PORT}
    kube.patch("Service", service, namespace, {"spec": {"type": "NodePort", "ports": [first]}}, strategy="strategic")
    return Entry("127.0.0.1", record.service_port)
