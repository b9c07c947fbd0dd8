"""ConfigMaps, Secrets and claims that a pod names: its containers do not start before they exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import Problem
from harness.experiment.admission import title
from harness.experiment.objects import WorkloadObjects
from harness.experiment.workload import RenderedObject
from harness.kit.located_yaml import Place
from harness.kube.manifests import name_of
from harness.kube.nested import indexed_maps
from harness.kube.pods import pod_of
from harness.problem_codes import ProblemCode

#: Objects that every namespace has.
_EVERYWHERE = frozenset({("ConfigMap", "kube-root-ca.crt")})
#: Field of a reference -> (kind, field with the name).
_VOLUMES = {
    "configMap": ("ConfigMap", "name"),
    "secret": ("Secret", "secretName"),
    "persistentVolumeClaim": ("PersistentVolumeClaim", "claimName"),
}
_FROM = {"configMapRef": "ConfigMap", "secretRef": "Secret"}
_KEYS = {"configMapKeyRef": "ConfigMap", "secretKeyRef": "Secret"}


@dataclass(frozen=True, slots=True)
class Reference:
    """An object that a pod names and cannot do without.

    Attributes:
        kind: Its kind.
        name: Its name.
        place: Path of the reference in the pod's specification.
        key: The key that must be in it; empty for the whole object.
    """

    kind: str
    name: str
    place: Place
    key: str = ""


def missing_references(item: RenderedObject, objects: WorkloadObjects) -> Iterator[Problem]:
    """Yield a problem for each object, and each key of an object, that a pod needs and the workload does not have."""
    pod = pod_of(item.manifest)
    spec = pod.get("spec") if pod is not None else None
    if not isinstance(spec, Mapping):
        return
    base: Place = ("spec",) if item.manifest.get("kind") == "Pod" else ("spec", "template", "spec")
    for reference in references(spec):
        found = objects.find(reference.kind, reference.name)
        if (reference.kind, reference.name) in _EVERYWHERE or (found is not None and _has(found, reference.key)):
            continue
        if found is None:
            message = (
                f"{title(item)}: the {reference.kind} {reference.name} is not part of the workload, "
                "so that no container can start"
            )
            hint = "add it to the workload, or mark it as optional"
        else:
            message = f"{title(item)}: the {reference.kind} {name_of(found)} has no key {reference.key}"
            hint = "add the key, or mark it as optional"
        yield item.problem_at(ProblemCode.MISSING_REFERENCE, (*base, *reference.place), message, hint)


def references(spec: Mapping[str, Any]) -> Iterator[Reference]:
    """Yield the objects that the specification of a pod names and that are not optional."""
    for field in ("initContainers", "containers"):
        for index, container in indexed_maps(spec.get(field)):
            yield from _of_variables(container, (field, index))
    for index, volume in indexed_maps(spec.get("volumes")):
        yield from _of_volume(volume, ("volumes", index))


def _of_variables(container: Mapping[str, Any], place: Place) -> Iterator[Reference]:
    for index, source in indexed_maps(container.get("envFrom")):
        for field, kind in _FROM.items():
            if (name := _required(source.get(field), "name")) is not None:
                yield Reference(kind, name, (*place, "envFrom", index, field))
    for index, entry in indexed_maps(container.get("env")):
        value = entry.get("valueFrom")
        sources = value if isinstance(value, Mapping) else {}
        for field, kind in _KEYS.items():
            if (name := _required(sources.get(field), "name")) is not None:
                where = (*place, "env", index, "valueFrom", field)
                yield Reference(kind, name, where, str(sources[field].get("key") or ""))


def _of_volume(volume: Mapping[str, Any], place: Place) -> Iterator[Reference]:
    for field, (kind, name_field) in _VOLUMES.items():
        if (name := _required(volume.get(field), name_field)) is not None:
            yield Reference(kind, name, (*place, field))
    projected = volume.get("projected")
    for index, source in indexed_maps(projected.get("sources") if isinstance(projected, Mapping) else None):
        for field in ("configMap", "secret"):
            if (name := _required(source.get(field), "name")) is not None:
                yield Reference(_VOLUMES[field][0], name, (*place, "projected", "sources", index, field))


def _required(reference: Any, field: str) -> str | None:
    """Return the name in a reference; None if it has none, or may be missing."""
    if not isinstance(reference, Mapping) or reference.get("optional") is True:
        return None
    name = reference.get(field)
    return name if isinstance(name, str) and name else None


def _has(manifest: Mapping[str, Any], key: str) -> bool:
    """Return True if an object has a key, in whatever form its data is given."""
    parts = (manifest.get(part) for part in ("data", "stringData", "binaryData"))
    return not key or any(isinstance(part, Mapping) and key in part for part in parts)
