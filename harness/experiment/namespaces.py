"""The namespace that a workload's files name: it is left out, since each trial has a namespace of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.errors import Problem
from harness.experiment.objects import at
from harness.experiment.problems import Problems, listed
from harness.kit.located_yaml import Place
from harness.kube.manifests import LocatedManifest, name_of
from harness.kube.schema import path_text

#: Metadata that every API server gives each Namespace by itself.
_AUTOMATIC = frozenset({"kubernetes.io/metadata.name", "kubectl.kubernetes.io/last-applied-configuration"})


@dataclass(frozen=True, slots=True)
class Workload:
    """The workload as a trial gets it.

    Attributes:
        objects: The objects, none of which names a namespace.
        notices: What was left out of the files, each as a sentence for people, with its place.
    """

    objects: tuple[LocatedManifest, ...] = ()
    notices: tuple[str, ...] = ()


def leave_namespace_out(found: Sequence[LocatedManifest], problems: Problems) -> Workload:
    """Leave out the one namespace that the files name, and the Namespace object that declares it.

    Args:
        found: Every object of the files.
        problems: Gets the objects of a workload that is in several namespaces, or that has nothing but a Namespace.
    """
    declared = [item for item in found if _is_namespace(item)]
    objects = [item for item in found if not _is_namespace(item)]
    names = sorted({name_of(item.manifest) for item in declared} | {_namespace(item) for item in objects} - {""})
    if len(names) > 1:
        problems.extend(_several(declared, objects, names))
        return Workload(tuple(objects))
    if declared and not objects:
        first = declared[0]
        message = "the workload has nothing but a Namespace; add the objects that traffic goes to"
        problems.extend([Problem(message, first.file, first.line_of(()))])
    notices = [_left_out(item) for item in declared]
    inside = [item for item in objects if _namespace(item)]
    if inside:
        count = "1 object" if len(inside) == 1 else f"{len(inside)} objects"
        notices.append(f"metadata.namespace {names[0]} is left out of {count}: each trial has a namespace of its own")
    for name in names:
        notices += [text for item in objects for text in _still_named(item, name)]
    return Workload(tuple(_without_namespace(item) for item in objects), tuple(notices))


def _is_namespace(item: LocatedManifest) -> bool:
    return item.manifest.get("kind") == "Namespace" and item.manifest.get("apiVersion") == "v1"


def _namespace(item: LocatedManifest) -> str:
    return str(at(item.manifest, "metadata", "namespace") or "")


def _without_namespace(item: LocatedManifest) -> LocatedManifest:
    if not _namespace(item):
        return item
    metadata = {key: value for key, value in item.manifest["metadata"].items() if key != "namespace"}
    return replace(item, manifest={**item.manifest, "metadata": metadata})


def _several(
    declared: Sequence[LocatedManifest], objects: Sequence[LocatedManifest], names: Sequence[str]
) -> Iterator[Problem]:
    places = [(item, name_of(item.manifest), ("metadata", "name")) for item in declared]
    places += [(item, _namespace(item), ("metadata", "namespace")) for item in objects if _namespace(item)]
    for item, name, place in places:
        message = f"{_title(item)}: namespace {name}: the workload is in several ({listed(names)}), and a trial has one"
        yield Problem(message, item.file, item.line_of(place), "keep the objects of one namespace")


def _left_out(item: LocatedManifest) -> str:
    said = [
        f"{field} {', '.join(keys)}"
        for field in ("labels", "annotations")
        if (keys := sorted((at(item.manifest, "metadata", field) or {}).keys() - _AUTOMATIC))
    ]
    unset = f", without its {' and '.join(said)}" if said else ""
    return f"{item.file}:{item.line_of(())}: {_title(item)} is left out: each trial has a namespace of its own{unset}"


def _still_named(item: LocatedManifest, name: str) -> Iterator[str]:
    """Describe each field that still means the namespace that was left out: on a shared cluster it may be there."""
    for path, value in _values(item.manifest, ()):
        field = bool(path) and path[-1] == "namespace" and value == name and path != ("metadata", "namespace")
        if field or (isinstance(value, str) and f".{name}.svc" in value):
            where = f"{item.file}:{item.line_of(path)}: {_title(item)}: {path_text(path)}"
            yield f"{where} still names the namespace {name}, which is not the trial's"


def _values(value: Any, path: Place) -> Iterator[tuple[Place, Any]]:
    """Go through every value that is no map and no list, with its path."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _values(part, (*path, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _values(part, (*path, index))
    else:
        yield path, value


def _title(item: LocatedManifest) -> str:
    return " ".join(filter(None, item.key))
