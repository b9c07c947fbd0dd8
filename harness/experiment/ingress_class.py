"""Which controller serves the workload's Ingresses: the one that the Experiment names, without an edit of the workload.

A workload that was written for ingress-nginx, or that says nothing, is run behind Traefik as it is. Any other class is
the user's own choice and stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from harness.experiment.problems import Problems
from harness.kube.manifests import name_of
from harness.kube.traefik import GROUP_VERSION
from harness.model.experiment import Configuration, Manifest

#: The class that Ingresses get, by the word of the controller; Traefik's provider for ingress-nginx's annotations
#: serves ingress-nginx's own class.
CLASSES: Mapping[str, str] = {"traefik": "traefik"}

_TRAEFIK = frozenset({"traefik", "traefik-nginx"})
_NGINX = "nginx"
_ANNOTATION = "kubernetes.io/ingress.class"


def for_controller(rows: Iterable[Configuration], ingress: str) -> list[Configuration]:
    """The configurations as the controller serves them."""
    wanted = CLASSES.get(ingress, "")
    if not wanted:
        return list(rows)
    return [replace(row, manifests=tuple(with_class(m, wanted) for m in row.manifests)) for row in rows]


def check_kinds(rows: Iterable[Configuration], ingress: str, problems: Problems) -> None:
    """Traefik's own kinds need Traefik: anybody else leaves them lying, and their routes lead nowhere."""
    if not ingress or ingress in _TRAEFIK:
        return
    for manifest in (manifest for row in rows for manifest in row.manifests):
        if manifest.get("apiVersion") == GROUP_VERSION:
            title = f"{manifest['kind']} {name_of(manifest)}"
            problems.add(("ingress",), f"{ingress} does nothing with {title} of the workload", "ingress: traefik")


def with_class(manifest: Manifest, wanted: str) -> Manifest:
    """An Ingress that names no class, or ingress-nginx's, with the class that is wanted; anything else as it is."""
    if manifest.get("kind") != "Ingress":
        return manifest
    metadata: dict[str, Any] = dict(manifest.get("metadata") or {})
    annotations = dict(metadata.get("annotations") or {})
    spec = manifest.get("spec") or {}
    # The old annotation wins over the field where both are there.
    if (annotations.get(_ANNOTATION) or spec.get("ingressClassName") or _NGINX) != _NGINX:
        return manifest
    if annotations.pop(_ANNOTATION, None):
        metadata["annotations"] = annotations
    return {**manifest, "metadata": metadata, "spec": {**spec, "ingressClassName": wanted}}
