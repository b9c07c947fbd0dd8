"""The table of cluster-scoped kinds, and the check that a write stays in the namespace that its caller gives.

All users of a cluster share a cluster-scoped object. Writing one affects others, and removing a namespace does not
remove it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.kube.errors import ScopeError
from harness.kube.kinds import ApiKind

#: Cluster-scoped built-in kinds by API group; a test compares them with the official client. Only the API server knows
#: the scope of any other kind.
CLUSTER_SCOPED: Mapping[str, frozenset[str]] = {
    "": frozenset({"Namespace", "Node", "PersistentVolume"}),
    "admissionregistration.k8s.io": frozenset(
        {
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        }
    ),
    "apiextensions.k8s.io": frozenset({"CustomResourceDefinition"}),
    "apiregistration.k8s.io": frozenset({"APIService"}),
    "authentication.k8s.io": frozenset({"SelfSubjectReview", "TokenReview"}),
    "authorization.k8s.io": frozenset({"SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"}),
    "certificates.k8s.io": frozenset({"CertificateSigningRequest", "ClusterTrustBundle"}),
    "flowcontrol.apiserver.k8s.io": frozenset({"FlowSchema", "PriorityLevelConfiguration"}),
    "internal.apiserver.k8s.io": frozenset({"StorageVersion"}),
    "networking.k8s.io": frozenset({"IPAddress", "IngressClass", "ServiceCIDR"}),
    "node.k8s.io": frozenset({"RuntimeClass"}),
    "rbac.authorization.k8s.io": frozenset({"ClusterRole", "ClusterRoleBinding"}),
    "resource.k8s.io": frozenset({"DeviceClass", "DeviceTaintRule", "ResourcePoolStatusRequest", "ResourceSlice"}),
    "scheduling.k8s.io": frozenset({"PriorityClass"}),
    "storage.k8s.io": frozenset({"CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"}),
    "storagemigration.k8s.io": frozenset({"StorageVersionMigration"}),
}

#: Groups of built-in kinds, all of which are namespaced. Only these and the groups above are built in.
_NAMESPACED_GROUPS = frozenset(
    {"apps", "autoscaling", "batch", "coordination.k8s.io", "discovery.k8s.io", "events.k8s.io", "extensions", "policy"}
)

#: Path segments that would make a URL lead to another object.
_UP = frozenset({".", ".."})


def is_cluster_scoped(manifest: Mapping[str, Any]) -> bool:
    """Return True if an object is of a built-in, cluster-scoped kind."""
    return str(manifest.get("kind")) in CLUSTER_SCOPED.get(_group(manifest), frozenset())


def is_custom(manifest: Mapping[str, Any]) -> bool:
    """Return True if an object is of a custom kind, which a cluster has only if somebody installed it.

    The groups of custom kinds have a dot; a group without one is a misspelt built-in group.
    """
    group = _group(manifest)
    return "." in group and group not in CLUSTER_SCOPED and group not in _NAMESPACED_GROUPS


def _group(manifest: Mapping[str, Any]) -> str:
    """Return the API group of an object; empty for the core group."""
    return str(manifest.get("apiVersion") or "").rpartition("/")[0]


def write_path(kind: ApiKind, namespace: str, name: str, action: str) -> str:
    """Return the URL path of a write, which stays in the namespace that the caller gives.

    Args:
        kind: The object's kind, with its scope on the API server.
        namespace: The object's namespace; empty for a cluster-scoped object.
        name: The object's name; empty for the collection.
        action: The write, for the error's message.

    Raises:
        ScopeError: The write would leave the namespace, or a namespace is missing.
    """
    check_scope(kind.kind, namespace, action, namespaced=kind.namespaced)
    if _UP & {namespace, name}:
        raise ScopeError(action, 0, "OutsideNamespace", "an object or namespace can't have this name")
    return kind.path(namespace, name)


def check_scope(kind: str, namespace: str, action: str, *, namespaced: bool) -> None:
    """Check that a kind's scope fits the namespace of a write.

    Raises:
        ScopeError: A namespace is given for a cluster-scoped kind, or is missing for a namespaced one.
    """
    if namespace and not namespaced:
        message = f"{kind} is cluster-scoped, so this would change the whole cluster"
        raise ScopeError(action, 0, "OutsideNamespace", message)
    if namespaced and not namespace:
        raise ScopeError(action, 0, "OutsideNamespace", f"{kind} is namespaced, but no namespace is given")
