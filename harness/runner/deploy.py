"""Applies the workload's manifests in a namespace of its own, and waits until its pods are available."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.clusters.shared.diagnosis import diagnose, snapshot
from harness.clusters.shared.scope import not_served, refuse_cluster_scoped, sentence_about
from harness.clusters.shared.taken_routes import refuse_taken_routes
from harness.controller_objects import ControllerAddress
from harness.controllers.registry import in_namespace
from harness.errors import HarnessError, WaitTimeoutError
from harness.kit.files import write_text
from harness.kit.waiting import wait_until
from harness.kube.autoscalers import ScaleBounds, bounds_of
from harness.kube.client import Kube
from harness.kube.pods import pod_of
from harness.kube.rollout import STATUS_OF, wait_rollout
from harness.model.controllers import is_controller_settings
from harness.model.experiment import Manifest
from harness.store.rundir import write_json

#: The file that says why a workload did not become ready.
NOT_READY = "not-ready.txt"
#: The file with the pods, events and logs of that moment.
STATE = "not-ready.json"
#: The file that names the objects whose kind the cluster does not have.
LEFT_OUT = "left-out.txt"
#: Longest time for one Deployment to become available; an initialDelay of 15 s is among the shipped Experiments.
AVAILABLE_SECONDS = 120.0


def images_of(manifests: Sequence[Manifest]) -> tuple[str, ...]:
    """Return the images of the workload's pods and pod templates, without duplicates, in order of appearance."""
    found: dict[str, None] = {}
    for manifest in manifests:
        pod = (pod_of(manifest) or {}).get("spec", {})
        for container in (*pod.get("initContainers", ()), *pod.get("containers", ())):
            found[container["image"]] = None
    return tuple(found)


def deploy(
    kube: Kube,
    manifests: Sequence[Manifest],
    namespace: str,
    *,
    shared: bool,
    controller: ControllerAddress | None = None,
    evidence: Path | None = None,
    changed: Sequence[tuple[str, str]] = (),
) -> tuple[str, ...]:
    """Create the namespace, apply all manifests, and wait for every Deployment's rollout.

    If an autoscaler changes the replicas of a Deployment, wait for that as well.

    The ConfigMap with the settings of the trial's own ingress controller is applied first, in the controller's
    namespace, so that no route is served without it.

    Objects of custom kinds that a shared cluster does not have are left out, and named in ``left-out.txt``. If a
    Deployment does not become ready, ``not-ready.txt`` in the evidence has the states, last log lines and warnings of
    its pods, and ``not-ready.json`` the objects and logs themselves.

    Args:
        kube: The API server.
        manifests: The workload.
        namespace: Namespace to create.
        shared: The cluster outlives the trial, so nothing may be written outside the namespace.
        controller: The ingress controller of a cluster that is not shared; None if there is none.
        evidence: Directory of the trial; None writes no such files.
        changed: Kind and name of each object that the trial changes: a StatefulSet or DaemonSet of them is awaited too.

    Returns:
        A sentence for each object that was left out.

    Raises:
        InvalidInputError: The cluster is shared and an object is cluster-scoped; nothing was applied.
        HarnessError: The API refused an object, a Deployment did not become available, or an Ingress of another
            namespace has a route of the workload; the message names it.
    """
    missing: tuple[Manifest, ...] = ()
    if shared:
        refuse_cluster_scoped(kube, manifests)
        missing = not_served(kube, manifests)
        refuse_taken_routes(kube, manifests, namespace)
    notices = tuple(map(sentence_about, missing))
    if notices and evidence is not None:
        write_text(evidence / LEFT_OUT, "".join(f"{notice}\n" for notice in notices))
    kube.create_namespace(namespace)
    served = [each for each in manifests if each not in missing]
    for manifest in sorted(served, key=is_controller_settings, reverse=True):
        own = namespace if shared else own_namespace_of(kube, manifest, namespace, controller)
        kube.apply(in_namespace(manifest, own), own)
    for manifest in manifests:
        if manifest["kind"] == "Deployment":
            _wait(kube, manifest["metadata"]["name"], namespace, evidence)
    for kind, name in changed:
        if kind in STATUS_OF and kind != "Deployment":
            _wait(kube, name, namespace, evidence, kind)
    _wait_autoscalers(kube, served, namespace, evidence)
    return notices


def own_namespace_of(kube: Kube, manifest: Manifest, namespace: str, controller: ControllerAddress | None) -> str:
    """Return the namespace of an object on a cluster of the trial's own; empty for a cluster-scoped object.

    Args:
        kube: The API server.
        manifest: The object.
        namespace: The namespace of the workload.
        controller: The ingress controller, whose settings are in its own namespace; None if there is none.
    """
    if controller is not None and controller.is_configured_by(manifest):
        return controller.namespace
    return namespace if kube.is_namespaced(manifest) else ""


def _wait(kube: Kube, name: str, namespace: str, evidence: Path | None, kind: str = "Deployment") -> None:
    try:
        wait_rollout(kube, name, namespace, AVAILABLE_SECONDS, kind=kind)
    except HarnessError as error:
        found = diagnose(kube, namespace)
        if evidence is not None:
            write_text(evidence / NOT_READY, f"{error}\n\n{found}\n")
            write_json(evidence / STATE, snapshot(kube, namespace))
        if isinstance(error, WaitTimeoutError) and found:
            raise WaitTimeoutError(f"{error} The pods say: {_brief(found)}") from error
        raise


def _wait_autoscalers(kube: Kube, manifests: Sequence[Manifest], namespace: str, evidence: Path | None) -> None:
    """Wait until autoscalers have moved Deployments into their bounds: no such scaling may happen under traffic."""
    deployments = {each["metadata"]["name"] for each in manifests if each["kind"] == "Deployment"}
    for bounds in bounds_of(manifests):
        if bounds.kind == "Deployment" and bounds.target in deployments:
            _wait_scaled(kube, bounds, namespace)
            _wait(kube, bounds.target, namespace, evidence)


def _wait_scaled(kube: Kube, bounds: ScaleBounds, namespace: str) -> None:
    def is_within() -> bool:
        found = kube.get("Deployment", bounds.target, namespace)
        return bounds.moved(found["spec"].get("replicas", 1)) is None

    what = f"HorizontalPodAutoscaler {bounds.name} to scale Deployment {bounds.target} into its bounds"
    wait_until(is_within, timeout=AVAILABLE_SECONDS, interval=0.2, what=what)


def _brief(found: str) -> str:
    """Return the first state and the last warning of a diagnosis."""
    lines = [line for line in found.splitlines() if not line.startswith("  ")]
    warnings = [line for line in lines if line.startswith("event: ")]
    states = [line for line in lines if not line.startswith("event: ")]
    return "; ".join((*states[:1], *warnings[-1:]))
