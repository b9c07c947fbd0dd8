"""Which controller serves the workload's Ingresses: the one that the Experiment names, without an edit of the workload.

A workload that names the usual class, or none, runs behind every controller as it is. Any other class is the user's own
choice and stays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from harness.controllers.registry import INGRESS_CONTROLLERS
from harness.experiment.problems import Problems
from harness.kube.manifests import name_of
from harness.model.controllers import DEFAULT, controller_facts
from harness.model.experiment import Configuration, Manifest

#: The class that a workload is written for where it names none.
_USUAL = DEFAULT.ingress_class
_ANNOTATION = "kubernetes.io/ingress.class"


def for_controller(rows: Iterable[Configuration], ingress: str) -> list[Configuration]:
    """Return the configurations with the class that the controller serves."""
    wanted = controller_facts(ingress).ingress_class
    if wanted in {"", _USUAL}:
        return list(rows)
    return [replace(row, manifests=tuple(with_class(m, wanted) for m in row.manifests)) for row in rows]


def check_kinds(rows: Iterable[Configuration], ingress: str, problems: Problems) -> None:
    """Report objects of kinds that only another controller reads: their routes would lead nowhere."""
    if not ingress:
        return
    readers: dict[str, list[str]] = {}
    for word, controller in INGRESS_CONTROLLERS.items():
        if controller.own_api:
            readers.setdefault(controller.own_api, []).append(word)
    for manifest in (manifest for row in rows for manifest in row.manifests):
        words = readers.get(str(manifest.get("apiVersion")), ())
        if words and ingress not in words:
            title = f"{manifest['kind']} {name_of(manifest)}"
            problems.add(("ingress",), f"{ingress} does nothing with {title} of the workload", f"ingress: {words[0]}")


def with_class(manifest: Manifest, wanted: str) -> Manifest:
    """Return an Ingress that names the usual class or none with the wanted class, anything else as it is."""
    if manifest.get("kind") != "Ingress":
        return manifest
    metadata: dict[str, Any] = dict(manifest.get("metadata") or {})
    annotations = dict(metadata.get("annotations") or {})
    spec = manifest.get("spec") or {}
    # The old annotation wins over the field where both are there.
    if (annotations.get(_ANNOTATION) or spec.get("ingressClassName") or _USUAL) != _USUAL:
        return manifest
    if annotations.pop(_ANNOTATION, None):
        metadata["annotations"] = annotations
    return {**manifest, "metadata": metadata, "spec": {**spec, "ingressClassName": wanted}}
