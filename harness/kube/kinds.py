"""The URL path of each kind of object.

Kinds that the harness itself uses are in a table, so that they need no discovery. Other kinds in a user's manifests are
looked up in the API server's resource lists (``discovery_paths``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from harness.kube.custom import GROUPS


@dataclass(frozen=True, slots=True)
class ApiKind:
    """A kind of objects.

    Attributes:
        kind: Name in manifests: ``Deployment``.
        group_version: Value of ``apiVersion``: ``apps/v1``.
        plural: Name in URLs: ``deployments``.
        namespaced: True if its objects are in namespaces.
    """

    kind: str
    group_version: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str = "", name: str = "") -> str:
        """Return the URL path of the collection or, with ``name``, of the object. No namespace means all of them."""
        parts = ["api" if "/" not in self.group_version else "apis", self.group_version]
        if self.namespaced and namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name:
            parts.append(quote(name, safe=""))
        return "/" + "/".join(parts)


#: The kinds that need no discovery, by name.
KNOWN_KINDS: Mapping[str, ApiKind] = {
    known.kind: known
    for known in (
        ApiKind("Namespace", "v1", "namespaces", namespaced=False),
        ApiKind("Node", "v1", "nodes", namespaced=False),
        ApiKind("Pod", "v1", "pods"),
        ApiKind("Service", "v1", "services"),
        ApiKind("ConfigMap", "v1", "configmaps"),
        ApiKind("Secret", "v1", "secrets"),
        ApiKind("ServiceAccount", "v1", "serviceaccounts"),
        ApiKind("Event", "v1", "events"),
        ApiKind("Deployment", "apps/v1", "deployments"),
        ApiKind("ReplicaSet", "apps/v1", "replicasets"),
        ApiKind("StatefulSet", "apps/v1", "statefulsets"),
        ApiKind("DaemonSet", "apps/v1", "daemonsets"),
        ApiKind("EndpointSlice", "discovery.k8s.io/v1", "endpointslices"),
        ApiKind("Ingress", "networking.k8s.io/v1", "ingresses"),
        ApiKind("IngressClass", "networking.k8s.io/v1", "ingressclasses", namespaced=False),
        ApiKind("Lease", "coordination.k8s.io/v1", "leases"),
        ApiKind("HorizontalPodAutoscaler", "autoscaling/v2", "horizontalpodautoscalers"),
        ApiKind("SelfSubjectAccessReview", "authorization.k8s.io/v1", "selfsubjectaccessreviews", namespaced=False),
        *(ApiKind(kind, group.group_version, plural) for group in GROUPS for kind, plural in group.plurals.items()),
    )
}


def resource_kinds(resource_list: Mapping[str, Any]) -> tuple[ApiKind, ...]:
    """Return the kinds of an ``APIResourceList``, without subresources."""
    group_version = resource_list.get("groupVersion", "v1")
    return tuple(
        ApiKind(entry["kind"], group_version, entry["name"], namespaced=bool(entry.get("namespaced")))
        for entry in resource_list.get("resources", ())
        if "/" not in entry["name"]
    )


def discovery_paths(group_list: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the paths of the ``APIResourceList`` of the core group and of each group's preferred version."""
    groups = [group["preferredVersion"]["groupVersion"] for group in group_list.get("groups", ())]
    return ("/api/v1", *(f"/apis/{name}" for name in groups))
