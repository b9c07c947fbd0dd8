"""Which controller serves the workload's Ingresses: the one that the Experiment names, without an edit of the workload.

A workload that was written for ingress-nginx, or that says nothing, is run behind Traefik as it is. Any other class is
the user's own choice and stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from harness.model.experiment import Configuration, Manifest

#: The class that Ingresses get, by the word of the controller; Traefik's provider for ingress-nginx's annotations
#: serves ingress-nginx's own class.
CLASSES: Mapping[str, str] = {"traefik": "traefik"}

_NGINX = "nginx"
_ANNOTATION = "kubernetes.io/ingress.class"


def for_controller(rows: Iterable[Configuration], ingress: str) -> list[Configuration]:
    """The configurations as the controller serves them."""
    wanted = CLASSES.get(ingress, "")
    if not wanted:
        return list(rows)
    return [replace(row, manifests=tuple(with_class(m, wanted) for m in row.manifests)) for row in rows]


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
