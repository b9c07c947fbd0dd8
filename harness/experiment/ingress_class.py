"""The ingress class: the workload's Ingresses get the class of the Experiment's controller.

A workload with the usual class or none therefore runs behind every controller. Any other class stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from harness.controllers.registry import INGRESS_CONTROLLERS, has_unread_routes
from harness.experiment.admission import title
from harness.experiment.objects import WorkloadObjects
from harness.experiment.problems import Problems
from harness.experiment.stages import ResolvedConfiguration, ResolvedExperiment
from harness.kube.ingresses import CLASS_ANNOTATION, class_of
from harness.kube.manifests import name_of
from harness.model.controllers import DEFAULT, controller_facts
from harness.model.experiment import Configuration, Manifest, TrafficPlan
from harness.problem_codes import ProblemCode

#: The class of a workload that names none.
_USUAL = DEFAULT.ingress_class


def for_controller(configuration: Configuration, ingress: str) -> Configuration:
    """Return a configuration whose Ingresses have the class of the controller."""
    wanted = controller_facts(ingress).ingress_class
    if wanted in {"", _USUAL}:
        return configuration
    return replace(configuration, manifests=tuple(with_class(m, wanted) for m in configuration.manifests))


def check_kinds(configuration: Configuration, ingress: str, problems: Problems) -> None:
    """Refuse objects of kinds that only another controller reads: this one would ignore their routes."""
    if not ingress:
        return
    readers: dict[str, list[str]] = {}
    for word, controller in INGRESS_CONTROLLERS.items():
        if controller.own_api:
            readers.setdefault(controller.own_api, []).append(word)
    for manifest in configuration.manifests:
        words = readers.get(str(manifest.get("apiVersion")), ())
        if words and ingress not in words:
            message = f"{ingress} does nothing with {manifest['kind']} {name_of(manifest)} of the workload"
            problems.add(ProblemCode.KIND_NOT_READ, ("ingress",), message, f"ingress: {words[0]}")


def check_classes(experiment: ResolvedExperiment, problems: Problems) -> None:
    """Refuse traffic that only Ingresses of another class route: the controller of this cluster ignores them."""
    if experiment.plan is None or experiment.parsed.entry or not experiment.rules.runs_controller:
        return
    served = controller_facts(experiment.parsed.ingress).ingress_class
    for row in experiment.configurations if served else ():
        _check_classes(experiment.plan, row, experiment.objects_of(row), served, problems)


def _check_classes(
    plan: TrafficPlan, row: ResolvedConfiguration, objects: WorkloadObjects, served: str, problems: Problems
) -> None:
    known = {"", served, *objects.names("IngressClass")}
    foreign = {
        name_of(each): word
        for each in objects.manifests
        if each.get("kind") == "Ingress" and (word := class_of(each)) not in known
    }
    rest = [m for m in objects.manifests if m.get("kind") != "Ingress" or name_of(m) not in foreign]
    if not foreign or has_unread_routes(objects.manifests) or all(_routes(plan, WorkloadObjects(rest))):
        return
    for item in row.objects:
        if item.manifest.get("kind") == "Ingress" and name_of(item.manifest) in foreign:
            word = foreign[name_of(item.manifest)]
            message = f"{title(item)}: no controller of this cluster serves class {word}, so it routes nothing"
            hint = f"write ingressClassName: {served}, or leave the class out"
            problems.extend([item.problem_at(ProblemCode.NO_ROUTE, ("spec", "ingressClassName"), message, hint)])


def _routes(plan: TrafficPlan, objects: WorkloadObjects) -> Iterator[bool]:
    """Yield for each route of the traffic if a rule routes it to a Service."""
    for route in plan.routes:
        yield objects.service_at(route.path, route.host or plan.host, route.headers) is not None


def with_class(manifest: Manifest, wanted: str) -> Manifest:
    """Return an Ingress with the wanted class if it has the usual one or none; return any other object unchanged."""
    if manifest.get("kind") != "Ingress":
        return manifest
    metadata: dict[str, Any] = dict(manifest.get("metadata") or {})
    annotations = dict(metadata.get("annotations") or {})
    spec = manifest.get("spec") or {}
    if class_of(manifest) not in {"", _USUAL}:
        return manifest
    if annotations.pop(CLASS_ANNOTATION, None):
        metadata["annotations"] = annotations
    return {**manifest, "metadata": metadata, "spec": {**spec, "ingressClassName": wanted}}
