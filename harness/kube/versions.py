"""Versions of API groups: those that no supported cluster serves, and those that are read as a newer one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: (``apiVersion``, kind) -> the Kubernetes release that removed it, and the version to write.
_REMOVED_IN: Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]] = {
    ("1.16", "apps/v1"): {
        "extensions/v1beta1": ("Deployment", "ReplicaSet", "DaemonSet"),
        "apps/v1beta1": ("Deployment", "StatefulSet"),
        "apps/v1beta2": ("Deployment", "ReplicaSet", "DaemonSet", "StatefulSet"),
    },
    ("1.16", "networking.k8s.io/v1"): {"extensions/v1beta1": ("NetworkPolicy",)},
    ("1.22", "networking.k8s.io/v1"): {
        "extensions/v1beta1": ("Ingress",),
        "networking.k8s.io/v1beta1": ("Ingress", "IngressClass"),
    },
    ("1.22", "rbac.authorization.k8s.io/v1"): {
        "rbac.authorization.k8s.io/v1beta1": ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"),
    },
    ("1.25", "policy/v1"): {"policy/v1beta1": ("PodDisruptionBudget",)},
    ("1.25", "batch/v1"): {"batch/v1beta1": ("CronJob",)},
    ("1.25", "discovery.k8s.io/v1"): {"discovery.k8s.io/v1beta1": ("EndpointSlice",)},
    ("1.25", "autoscaling/v2"): {"autoscaling/v2beta1": ("HorizontalPodAutoscaler",)},
    ("1.26", "autoscaling/v2"): {"autoscaling/v2beta2": ("HorizontalPodAutoscaler",)},
}

REMOVED: Mapping[tuple[str, str], tuple[str, str]] = {
    (version, kind): row
    for row, versions in _REMOVED_IN.items()
    for version, kinds in versions.items()
    for kind in kinds
}


def current(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object in the version in which clusters store it.

    A HorizontalPodAutoscaler of ``autoscaling/v1`` becomes one of ``autoscaling/v2``, as every API server converts it.
    """
    obj, spec = dict(manifest), manifest.get("spec")
    named = (obj.get("apiVersion"), obj.get("kind")) == ("autoscaling/v1", "HorizontalPodAutoscaler")
    if not named or not isinstance(spec, Mapping):
        return obj
    spec = dict(spec)
    percent = spec.pop("targetCPUUtilizationPercentage", None)
    if percent is not None:
        target = {"type": "Utilization", "averageUtilization": percent}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    return {**obj, "apiVersion": "autoscaling/v2", "spec": spec}
