"""Pods in manifests: the pod that an object is, or the template of the pods that it makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def pod_of(manifest: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the pod or the pod template that an object contains; None if it has none."""
    if manifest.get("kind") == "Pod":
        return manifest
    spec = manifest.get("spec")
    template = spec.get("template") if isinstance(spec, Mapping) else None
    return template if isinstance(template, Mapping) and isinstance(template.get("spec"), Mapping) else None
