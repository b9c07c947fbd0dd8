"""Which Ingresses a controller serves, asked of the objects of a workload."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.model.experiment import Manifest

CLASS_NAME = "nginx"
CONTROLLER = "k8s.io/ingress-nginx"
CLASS_ANNOTATION = "kubernetes.io/ingress.class"


def is_served(ingress: Mapping[str, Any], controller: str, objects: Sequence[Manifest]) -> bool:
    """Tell whether a controller serves an Ingress, where its class can be known.

    Args:
        ingress: The Ingress.
        controller: By its word in an Experiment. Traefik decides for itself, and no controller serves nothing.
        objects: All objects of the workload, with its IngressClasses.
    """
    if controller != "ingress-nginx":
        return controller != "none"
    classes = [each for each in objects if each.get("kind") == "IngressClass"]
    return is_ours(ingress, classes)


def is_ours(ingress: Mapping[str, Any], classes: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether ingress-nginx serves an Ingress: its class is ours, or it has none (as in kind's manifest)."""
    annotation = ((ingress.get("metadata") or {}).get("annotations") or {}).get(CLASS_ANNOTATION)
    if annotation is not None:
        return bool(annotation == CLASS_NAME)
    name = (ingress.get("spec") or {}).get("ingressClassName")
    if name in {None, CLASS_NAME}:
        return True
    return any(
        (each.get("metadata") or {}).get("name") == name and (each.get("spec") or {}).get("controller") == CONTROLLER
        for each in classes
    )
