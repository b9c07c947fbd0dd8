"""Decide which Ingresses a controller serves, by their class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.kube.ingresses import CLASS_ANNOTATION
from harness.localkube.system.programs import INGRESS_NGINX, INGRESS_PROGRAMS


def is_served(ingress: Mapping[str, Any], controller: str, objects: Sequence[Mapping[str, Any]]) -> bool:
    """Return True if a controller serves an Ingress.

    Args:
        ingress: The Ingress.
        controller: As named in an Experiment. A real controller decides by itself; without a controller the answer is
            False.
        objects: All objects of the workload, including IngressClasses.
    """
    program = INGRESS_PROGRAMS.get(controller)
    if program is None or program.is_genuine:
        return program is not None
    classes = [each for each in objects if each.get("kind") == "IngressClass"]
    return is_ours(ingress, classes)


def is_ours(ingress: Mapping[str, Any], classes: Iterable[Mapping[str, Any]]) -> bool:
    """Return True if ingress-nginx serves an Ingress: its class is ours, or it has none (as in kind's manifest)."""
    annotation = ((ingress.get("metadata") or {}).get("annotations") or {}).get(CLASS_ANNOTATION)
    if annotation is not None:
        return bool(annotation == INGRESS_NGINX.ingress_class)
    name = (ingress.get("spec") or {}).get("ingressClassName")
    if name in {None, INGRESS_NGINX.ingress_class}:
        return True
    named = (each for each in classes if (each.get("metadata") or {}).get("name") == name)
    return any((each.get("spec") or {}).get("controller") == INGRESS_NGINX.controller for each in named)
