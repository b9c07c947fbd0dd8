"""Reads the class and the paths of an Ingress: they decide which controller serves a request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

#: The annotation that named the class before the field existed.
CLASS_ANNOTATION = "kubernetes.io/ingress.class"


def class_of(ingress: Mapping[str, Any]) -> str:
    """Return the class of an Ingress; empty if it names none. The old annotation wins over the field."""
    annotations = (ingress.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(CLASS_ANNOTATION) or (ingress.get("spec") or {}).get("ingressClassName") or "")


def paths_of(ingress: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each path entry of an Ingress with the host of its rule, which is empty for any host."""
    for rule in (ingress.get("spec") or {}).get("rules") or ():
        for entry in (rule.get("http") or {}).get("paths") or ():
            yield str(rule.get("host") or ""), entry
