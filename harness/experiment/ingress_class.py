"""The ingress class: the workload's Ingresses get the class of the Experiment's controller.

A workload with the usual class or none therefore runs behind every controller. Any other class stays.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.controllers.registry import INGRESS_CONTROLLERS
from harness.experiment.problems import Problems
from harness.kube.manifests import name_of
from harness.model.controllers import DEFAULT, controller_facts
from harness.model.experiment import Configuration, Manifest
from harness.problem_codes import ProblemCode

#: The class of a workload that names none.
_USUAL = DEFAULT.ingress_class
_ANNOTATION = "kubernetes.io/ingress.class"


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


def with_class(manifest: Manifest, wanted: str) -> Manifest:
    """Return an Ingress with the wanted class if it has the usual one or none; return any other object unchanged."""
    if manifest.get("kind") != "Ingress":
        return manifest
    metadata: dict[str, Any] = dict(manifest.get("metadata") or {})
    annotations = dict(metadata.get("annotations") or {})
    spec = manifest.get("spec") or {}
    # The old annotation wins over the field.
    if (annotations.get(_ANNOTATION) or spec.get("ingressClassName") or _USUAL) != _USUAL:
        return manifest
    if annotations.pop(_ANNOTATION, None):
        metadata["annotations"] = annotations
    return {**manifest, "metadata": metadata, "spec": {**spec, "ingressClassName": wanted}}
