"""References of Traefik's objects to the namespace of the workload, which is another one in each trial.

An annotation of an Ingress or a Service names an object of a custom kind together with its namespace:
``shop-strip@kubernetescrd``. An object of a custom kind may name its own namespace in its references.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.controllers.base import OWN_NAMESPACE
from harness.kube.custom.traefik import GROUP_VERSION
from harness.kube.manifests import name_of
from harness.model.annotations import TRAEFIK
from harness.model.experiment import Manifest

MIDDLEWARES = f"{TRAEFIK}router.middlewares"
TLS_OPTIONS = f"{TRAEFIK}router.tls.options"
SERVERS_TRANSPORT = f"{TRAEFIK}service.serverstransport"
#: Annotation -> the kind of the objects that it names.
NAMED_KINDS: Mapping[str, str] = {
    MIDDLEWARES: "Middleware",
    TLS_OPTIONS: "TLSOption",
    SERVERS_TRANSPORT: "ServersTransport",
}
PROVIDER = "@kubernetescrd"


def without_namespace(manifest: Manifest, namespace: str, manifests: Sequence[Manifest]) -> Manifest:
    """Return an object that refers to the namespace of the trial where it names that of the workload.

    Args:
        manifest: The object.
        namespace: The namespace that the workload's files name; empty if they name none. A name of an object of the
            workload after any namespace then means that object.
        manifests: All objects of the workload.
    """
    if manifest.get("apiVersion") == GROUP_VERSION and namespace:
        return {**manifest, "spec": _without_field(manifest.get("spec"), namespace)}

    def renamed(annotation: str, value: str) -> str:
        kind = NAMED_KINDS[annotation]
        names = [name_of(each) for each in manifests if each.get("kind") == kind]
        return ",".join(_own(part.strip(), namespace, names) for part in value.split(","))

    return _with_annotations(manifest, renamed)


def in_namespace(manifest: Manifest, namespace: str) -> Manifest:
    """Return an object whose annotations name a namespace where they had ``OWN_NAMESPACE``."""
    begin = f"{OWN_NAMESPACE}-"

    def renamed(_annotation: str, value: str) -> str:
        parts = (part.strip() for part in value.split(","))
        return ",".join(f"{namespace}-{part.removeprefix(begin)}" if part.startswith(begin) else part for part in parts)

    return _with_annotations(manifest, renamed)


def _own(reference: str, namespace: str, names: Sequence[str]) -> str:
    """Return a reference with ``OWN_NAMESPACE`` if it certainly names an object of the workload."""
    body = reference.removesuffix(PROVIDER)
    if body == reference:
        return reference
    if namespace:
        own = body.removeprefix(f"{namespace}-")
        return reference if own == body else f"{OWN_NAMESPACE}-{own}{PROVIDER}"
    meant = [name for name in names if body.endswith(f"-{name}")]
    return f"{OWN_NAMESPACE}-{meant[0]}{PROVIDER}" if len(meant) == 1 else reference


def _with_annotations(manifest: Manifest, renamed: Any) -> Manifest:
    """Return an object with new values of the annotations that name objects."""
    metadata = manifest.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    if not isinstance(metadata, Mapping) or not isinstance(annotations, Mapping):
        return manifest
    changed = {
        name: renamed(name, value) if name in NAMED_KINDS and isinstance(value, str) else value
        for name, value in annotations.items()
    }
    return manifest if changed == annotations else {**manifest, "metadata": {**metadata, "annotations": changed}}


def _without_field(value: Any, namespace: str) -> Any:
    """Return a value without the fields ``namespace`` of references that name this namespace."""
    if isinstance(value, Mapping):
        return {
            key: _without_field(part, namespace)
            for key, part in value.items()
            if not (key == "namespace" and part == namespace and "name" in value)
        }
    if isinstance(value, list):
        return [_without_field(part, namespace) for part in value]
    return value
