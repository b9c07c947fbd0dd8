"""Which kinds live outside of namespaces, and the check that a write stays where its caller says.

An object outside of namespaces belongs to everybody on the cluster. Writing one changes the cluster for others, and
removing a namespace does not take it away again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.kube.errors import ScopeError
from harness.kube.kinds import ApiKind

#: Kubernetes' own kinds that live outside of namespaces, by API group; a test compares them with the official client.
#: Only the API server knows the scope of any other kind.
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

#: A URL with such a part leads to another object than the one that its other parts name.
_UP = frozenset({".", ".."})


def is_cluster_scoped(manifest: Mapping[str, Any]) -> bool:
    """Return whether an object is of one of Kubernetes' own kinds that live outside of namespaces."""
    group, slash, _ = str(manifest.get("apiVersion", "")).rpartition("/")
    return manifest.get("kind") in CLUSTER_SCOPED.get(group if slash else "", frozenset())


def write_path(kind: ApiKind, namespace: str, name: str, action: str) -> str:
    """Return the URL path of a write, which lies in the namespace that the caller names.

    Args:
        kind: The object's kind, with the scope that the API server gives it.
        namespace: The object's namespace; empty for an object outside of namespaces.
        name: The object's name; empty for the collection.
        action: The write, for the error's message.

    Raises:
        ScopeError: The write would not stay in the namespace, or a namespace is missing.
    """
    check_scope(kind.kind, namespace, action, namespaced=kind.namespaced)
    if _UP & {namespace, name}:
        raise ScopeError(action, 0, "OutsideNamespace", "no object and no namespace has such a name")
    return kind.path(namespace, name)


def check_scope(kind: str, namespace: str, action: str, *, namespaced: bool) -> None:
    """Check that a kind's scope fits the namespace that a write names.

    Raises:
        ScopeError: It does not.
    """
    if namespace and not namespaced:
        message = f"{kind} lives outside of namespaces, so this would change the whole cluster"
        raise ScopeError(action, 0, "OutsideNamespace", message)
    if namespaced and not namespace:
        raise ScopeError(action, 0, "OutsideNamespace", f"{kind} lives in namespaces, and none is named")
