"""The namespace that a workload's files name: it is omitted, since each trial has a namespace of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.controllers.registry import without_own_namespace
from harness.errors import Problem
from harness.experiment.problems import Problems, listed
from harness.kit.located_yaml import Place
from harness.kube.manifests import LocatedManifest, name_of
from harness.kube.nested import at
from harness.kube.schema import path_text
from harness.model.controllers import is_controller_settings
from harness.problem_codes import ProblemCode

#: Metadata that every API server adds to each Namespace.
_AUTOMATIC = frozenset({"kubernetes.io/metadata.name", "kubectl.kubernetes.io/last-applied-configuration"})


def without_namespace(found: Sequence[LocatedManifest]) -> tuple[list[LocatedManifest], list[str]]:
    """Return the workload without the one namespace that its files name, and without its Namespace object.

    Objects of several namespaces keep theirs: ``check_namespaces`` refuses them.

    Returns:
        The objects, and a sentence for each omission.
    """
    declared, objects, names = _split(found)
    if len(names) > 1:
        return objects, []
    notices = [_omitted(item) for item in declared]
    everything = [item.manifest for item in objects]
    own = "".join(names)
    placed = [replace(item, manifest=without_own_namespace(item.manifest, own, everything)) for item in objects]
    inside = [item for item in objects if _namespace(item)]
    if inside:
        count = "1 object" if len(inside) == 1 else f"{len(inside)} objects"
        notices.append(f"metadata.namespace {names[0]} is left out of {count}: each trial has a namespace of its own")
    for name in names:
        notices += [text for item in placed for text in _still_named(item, name)]
    if not names:
        notices += [text for before, after in zip(objects, placed, strict=True) for text in _understood(before, after)]
    return [_omit_namespace(item) for item in placed], notices


def check_namespaces(found: Sequence[LocatedManifest], problems: Problems) -> None:
    """Require that all objects are in one namespace, and that there are others than a Namespace."""
    declared, objects, names = _split(found)
    if len(names) > 1:
        problems.extend(_several(declared, objects, names))
    elif declared and not objects:
        first = declared[0]
        message = "the workload has nothing but a Namespace; add the objects that traffic goes to"
        problems.extend([Problem(message, first.file, first.line_of(()), code=ProblemCode.EMPTY_WORKLOAD)])


def _split(found: Sequence[LocatedManifest]) -> tuple[list[LocatedManifest], list[LocatedManifest], list[str]]:
    """Return the Namespace objects, the other objects, and the names of all namespaces."""
    declared = [item for item in found if _is_namespace(item)]
    objects = [item for item in found if not _is_namespace(item)]
    names = {name_of(item.manifest) for item in declared} | {_namespace(item) for item in objects}
    return declared, objects, sorted(names - {""})


def _is_namespace(item: LocatedManifest) -> bool:
    return item.manifest.get("kind") == "Namespace" and item.manifest.get("apiVersion") == "v1"


def _namespace(item: LocatedManifest) -> str:
    """Return the namespace; empty for the settings of an ingress controller, which are in the controller's."""
    return "" if is_controller_settings(item.manifest) else str(at(item.manifest, "metadata", "namespace") or "")


def _omit_namespace(item: LocatedManifest) -> LocatedManifest:
    if not at(item.manifest, "metadata", "namespace"):
        return item
    metadata = {key: value for key, value in item.manifest["metadata"].items() if key != "namespace"}
    return replace(item, manifest={**item.manifest, "metadata": metadata})


def _several(
    declared: Sequence[LocatedManifest], objects: Sequence[LocatedManifest], names: Sequence[str]
) -> Iterator[Problem]:
    places = [(item, name_of(item.manifest), ("metadata", "name")) for item in declared]
    inside = [item for item in objects if _namespace(item)]
    places += [(item, _namespace(item), ("metadata", "namespace")) for item in inside]
    for item, name, place in places:
        message = f"{_title(item)}: namespace {name}: the workload is in several ({listed(names)}), and a trial has one"
        hint = "keep the objects of one namespace"
        yield Problem(message, item.file, item.line_of(place), hint, code=ProblemCode.SEVERAL_NAMESPACES)


def _omitted(item: LocatedManifest) -> str:
    metadata = [
        f"{field} {', '.join(keys)}"
        for field in ("labels", "annotations")
        if (keys := sorted((at(item.manifest, "metadata", field) or {}).keys() - _AUTOMATIC))
    ]
    unset = f", without its {' and '.join(metadata)}" if metadata else ""
    return f"{item.file}:{item.line_of(())}: {_title(item)} is left out: each trial has a namespace of its own{unset}"


def _still_named(item: LocatedManifest, name: str) -> Iterator[str]:
    """Describe each field that still refers to the omitted namespace, which may exist on a shared cluster."""
    for path, value in _values(item.manifest, ()):
        field = bool(path) and path[-1] == "namespace" and value == name and path != ("metadata", "namespace")
        if field or (isinstance(value, str) and f".{name}.svc" in value):
            where = f"{item.file}:{item.line_of(path)}: {_title(item)}: {path_text(path)}"
            yield f"{where} still names the namespace {name}, which is not the trial's"


def _understood(before: LocatedManifest, after: LocatedManifest) -> Iterator[str]:
    """Describe each annotation whose namespace is taken for that of the workload, which its files do not name."""
    changed = at(after.manifest, "metadata", "annotations") or {}
    for name, value in (at(before.manifest, "metadata", "annotations") or {}).items():
        if changed.get(name) != value:
            where = f"{before.file}:{before.line_of(('metadata', 'annotations', name))}: {_title(before)}: {name}"
            yield f"{where} names {value}, which is read as the workload's own namespace: a trial has another one"


def _values(value: Any, path: Place) -> Iterator[tuple[Place, Any]]:
    """Yield every value that is neither a map nor a list, with its path."""
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
