"""Applies the workload's manifests in a namespace of its own, and waits until its pods are available."""

from __future__ import annotations

from collections.abc import Sequence

from harness.clusters.shared.scope import refuse_cluster_scoped
from harness.kube.client import Kube
from harness.kube.rollout import wait_rollout
from harness.model.experiment import Manifest

#: Longest time for one Deployment to become available; an initialDelay of 15 s is among the shipped Experiments.
AVAILABLE_SECONDS = 120.0


def images_of(manifests: Sequence[Manifest]) -> tuple[str, ...]:
    """Return the images of the workload's pod templates, without duplicates, in order of appearance."""
    found: dict[str, None] = {}
    for manifest in manifests:
        pod = manifest.get("spec", {}).get("template", {}).get("spec", {})
        for container in (*pod.get("initContainers", ()), *pod.get("containers", ())):
            found[container["image"]] = None
    return tuple(found)


def deploy(kube: Kube, manifests: Sequence[Manifest], namespace: str, *, shared: bool) -> None:
    """Create the namespace, apply all manifests, and wait for every Deployment's rollout.

    Args:
        kube: The API server.
        manifests: The workload.
        namespace: Namespace to create.
        shared: The cluster outlives the trial, so nothing may be written outside the namespace.

    Raises:
        InvalidInputError: The cluster is shared and an object is cluster-scoped; nothing was applied.
        HarnessError: The API refused an object, or a Deployment did not become available; the message names it.
    """
    if shared:
        refuse_cluster_scoped(kube, manifests)
    kube.create_namespace(namespace)
    for manifest in manifests:
        kube.apply(manifest, namespace if shared or kube.is_namespaced(manifest) else "")
    for manifest in manifests:
        if manifest["kind"] == "Deployment":
            wait_rollout(kube, manifest["metadata"]["name"], namespace, AVAILABLE_SECONDS)
