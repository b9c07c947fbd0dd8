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


def labels_of(pod: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the labels of a pod or of a pod template."""
    return (pod.get("metadata") or {}).get("labels") or {}


def serving_containers(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the containers of a pod that run as long as it does: its sidecars, and then the others."""
    sidecars = [each for each in _containers(pod, "initContainers") if each.get("restartPolicy") == "Always"]
    return [*sidecars, *_containers(pod, "containers")]


def _containers(pod: Mapping[str, Any], field: str) -> list[Mapping[str, Any]]:
    """Return the containers in a list of a pod; values of other types are another check's problem."""
    spec = pod.get("spec")
    found = spec.get(field) if isinstance(spec, Mapping) else None
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
