"""The workload goes onto the cluster as the manifests say, in a namespace of its own."""

from __future__ import annotations

from collections.abc import Sequence

from harness.clusters.shared.scope import refuse_cluster_scoped
from harness.kube.client import Kube
from harness.kube.rollout import wait_rollout
from harness.model.experiment import Manifest

#: Longest time for one Deployment to become available; an initialDelay of 15 s is among the shipped Experiments.
AVAILABLE_SECONDS = 120.0


def images_of(manifests: Sequence[Manifest]) -> tuple[str, ...]:
    """Every image that the workload's pod templates name, each once, in order."""
    found: dict[str, None] = {}
    for manifest in manifests:
        pod = manifest.get("spec", {}).get("template", {}).get("spec", {})
        for container in (*pod.get("initContainers", ()), *pod.get("containers", ())):
            found[container["image"]] = None
    return tuple(found)


def deploy(kube: Kube, manifests: Sequence[Manifest], namespace: str, *, shared: bool) -> None:
    """Create the namespace, apply all manifests, wait for every Deployment's rollout.

    Args:
        kube: The API server.
        manifests: The workload.
        namespace: Where it goes; not there yet.
        shared: Whether the cluster outlives the trial. Then nothing is written outside of the namespace.

    Raises:
        InvalidInputError: The cluster is shared and an object lives outside of namespaces; nothing was applied.
        HarnessError: Naming the object that the API refused or the Deployment that did not become available.
    """
    if shared:
        refuse_cluster_scoped(kube, manifests)
    kube.create_namespace(namespace)
    for manifest in manifests:
        kube.apply(manifest, namespace if shared or kube.is_namespaced(manifest) else "")
    for manifest in manifests:
        if manifest["kind"] == "Deployment":
            wait_rollout(kube, manifest["metadata"]["name"], namespace, AVAILABLE_SECONDS)
