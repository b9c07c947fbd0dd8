"""Which Ingresses a controller serves, asked of the objects of a workload."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.localkube.system.programs import INGRESS_NGINX, INGRESS_PROGRAMS

CLASS_ANNOTATION = "kubernetes.io/ingress.class"


def is_served(ingress: Mapping[str, Any], controller: str, objects: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a controller serves an Ingress, where its class can be known.

    Args:
        ingress: The Ingress.
        controller: By its word in an Experiment. A genuine program decides for itself, and no controller serves none.
        objects: All objects of the workload, with its IngressClasses.
    """
    program = INGRESS_PROGRAMS.get(controller)
    if program is None or program.is_genuine:
        return program is not None
    classes = [each for each in objects if each.get("kind") == "IngressClass"]
    return is_ours(ingress, classes)


def is_ours(ingress: Mapping[str, Any], classes: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether ingress-nginx serves an Ingress: its class is ours, or it has none (as in kind's manifest)."""
    annotation = ((ingress.get("metadata") or {}).get("annotations") or {}).get(CLASS_ANNOTATION)
    if annotation is not None:
        return bool(annotation == INGRESS_NGINX.ingress_class)
    name = (ingress.get("spec") or {}).get("ingressClassName")
    if name in {None, INGRESS_NGINX.ingress_class}:
        return True
    named = (each for each in classes if (each.get("metadata") or {}).get("name") == name)
    return any((each.get("spec") or {}).get("controller") == INGRESS_NGINX.controller for each in named)
