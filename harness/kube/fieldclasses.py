"""Classifies the fields of an object by how a cluster implements them. Every field belongs to exactly one class.

The tables are next to the code that implements the fields. This module has their types, and the walk through an
object. The walk uses no model of the official client, so it is fast enough for every write to a server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from harness.kube.schema import KINDS, Path

#: Name of the model of annotations. Each annotation has its own class.
ANNOTATIONS = "annotations"
#: Name of the model of the data of a ConfigMap. Each key has its own class.
ENTRIES = "entries"
#: Name of the model of labels. They are implemented; those of pods may have a class of their own.
LABELS = "labels"
_KEYED = frozenset({ANNOTATIONS, ENTRIES, LABELS})
#: End of the path of the metadata of a template of pods.
_TEMPLATE = ("template", "metadata")


class FieldClass(StrEnum):
    """The way in which a cluster treats a field."""

    IMPLEMENTED = "implemented"
    INERT = "inert"
    DECISIVE = "decisive but not implemented"
    UNKNOWN = "unknown"


#: Classes of fields that a run refuses.
REFUSED = frozenset({FieldClass.DECISIVE, FieldClass.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Site:
    """A value with its context.

    Attributes:
        value: Value of the field.
        holders: The maps around it, from the object itself to the nearest.
        ingress: The ingress controller, by its name in an Experiment.
        objects: All objects that are applied together. Another object can decide whether a value is harmless.
    """

    value: Any
    holders: tuple[Mapping[str, Any], ...] = ()
    ingress: str = "ingress-nginx"
    objects: Sequence[Mapping[str, Any]] = ()

    @property
    def holder(self) -> Mapping[str, Any]:
        """Return the map that has the field."""
        return self.holders[-1] if self.holders else {}

    @property
    def root(self) -> Mapping[str, Any]:
        """Return the whole object."""
        return self.holders[0] if self.holders else {}

    def inside(self, value: Any) -> Site:
        """Return the site of a value in the map that is this site's value."""
        return Site(value, (*self.holders, self.value), self.ingress, self.objects)


#: Returns True if a value has no effect on requests, or only the effect that is implemented.
Harmless = Callable[[Site], bool]


def never(_site: Site) -> bool:
    """Treat no value as harmless."""
    return False


def switched_off(site: Site) -> bool:
    """Treat ``false`` as harmless."""
    return site.value is False


def unless_in(*values: Any) -> Harmless:
    """Treat these values as harmless."""
    return lambda site: site.value in values


@dataclass(frozen=True, slots=True)
class Decisive:
    """The rule of a field that affects requests and is not implemented.

    Attributes:
        effect: Effect on a real cluster, as the end of "a real cluster …".
        harmless: Recognises the values that have no effect.
        values: These values in words, for the documentation; empty if there are none.
        carried_out_by: Ingress controllers that implement the field themselves.
        implemented: True if the harmless values are implemented, and not only without effect.
    """

    effect: str
    harmless: Harmless = never
    values: str = ""
    carried_out_by: tuple[str, ...] = ()
    implemented: bool = False


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one model of the API, by class.

    Attributes:
        implemented: Field -> model of its value or of its items. Empty for a plain value, and for a value that is
            implemented as a whole.
        inert: Field -> reason why it has no effect on requests.
        decisive: Field -> its rule.
    """

    implemented: Mapping[str, str] = field(default_factory=dict)
    inert: Mapping[str, str] = field(default_factory=dict)
    decisive: Mapping[str, Decisive] = field(default_factory=dict)

    def classes_of(self, name: str) -> list[FieldClass]:
        """Return the classes that a field is in. A correct table gives exactly one."""
        return [
            found
            for found, names in (
                (FieldClass.IMPLEMENTED, self.implemented),
                (FieldClass.INERT, self.inert),
                (FieldClass.DECISIVE, self.decisive),
            )
            if name in names
        ]


@dataclass(frozen=True, slots=True)
class Classified:
    """A field of an object with its class.

    Attributes:
        path: Path of the field.
        field: Its name for ``--assume-inert``: the path without list indices, or the full name of an annotation.
        found: Its class.
        text: For a refused field, its effect on a real cluster; for an inert one, the reason why it has none.
        hint: Likely spelling of an unknown name; may be empty.
    """

    path: Path
    field: str
    found: FieldClass
    text: str
    hint: str = ""


#: Takes the name and site of an annotation or of a key, and returns its class, text and hint.
AnnotationClass = Callable[[str, Site], tuple[FieldClass, str, str]]


def _no_reader(_name: str, _site: Site) -> tuple[FieldClass, str, str]:
    """Return the class of what no component of the cluster reads."""
    return FieldClass.INERT, "nothing here reads it", ""


@dataclass(frozen=True, slots=True)
class Classifier:
    """The tables of a kind of cluster.

    Attributes:
        tables: Model of the API -> its fields.
        annotations: Kind -> classification of its annotations. Annotations of other kinds are inert.
        read: Annotations that the cluster itself reads, on objects and on templates of pods.
        entries: Classification of the keys of a ConfigMap.
        pods: Classification of the annotations and labels of pods and of templates of pods.
    """

    tables: Mapping[str, Fields]
    annotations: Mapping[str, AnnotationClass]
    read: frozenset[str] = frozenset()
    entries: AnnotationClass = _no_reader
    pods: AnnotationClass = _no_reader

    def classify(
        self, manifest: Mapping[str, Any], ingress: str, objects: Sequence[Mapping[str, Any]] = ()
    ) -> list[Classified]:
        """Classify every field of an object that has a value.

        Args:
            manifest: The object. Values of a wrong type are skipped: the check of its schema reports them.
            ingress: The ingress controller, by its name in an Experiment.
            objects: All objects that are applied together.

        Returns:
            The inert, decisive and unknown fields, in the object's order.
        """
        model = KINDS.get((str(manifest.get("apiVersion")), str(manifest.get("kind"))))
        if model is None or model not in self.tables:
            return []
        return list(self._walk(Site(manifest, (), ingress, objects), model, ()))

    def refused(
        self, manifest: Mapping[str, Any], ingress: str, objects: Sequence[Mapping[str, Any]] = ()
    ) -> list[Classified]:
        """Return the fields of an object that affect requests, or may affect them, and are not implemented."""
        return [each for each in self.classify(manifest, ingress, objects) if each.found in REFUSED]

    def _walk(self, site: Site, model: str, path: Path) -> Iterator[Classified]:
        if isinstance(site.value, list):
            for index, item in enumerate(site.value):
                yield from self._walk(Site(item, site.holders, site.ingress, site.objects), model, (*path, index))
        elif isinstance(site.value, Mapping) and model == ANNOTATIONS:
            yield from self._annotations(site, path)
        elif isinstance(site.value, Mapping) and model == LABELS:
            yield from self._labels(site, path)
        elif isinstance(site.value, Mapping) and model == ENTRIES:
            yield from self._entries(site, path)
        elif isinstance(site.value, Mapping):
            for name, value in site.value.items():
                if not _is_nothing(value):
                    yield from self._field(str(name), site.inside(value), model, (*path, name))

    def _field(self, name: str, site: Site, model: str, path: Path) -> Iterator[Classified]:
        table = self.tables[model]
        if name in table.implemented:
            if child := table.implemented[name]:
                yield from self._walk(site, child, path)
        elif name in table.inert:
            yield Classified(path, field_name(path), FieldClass.INERT, table.inert[name])
        elif (rule := table.decisive.get(name)) is None:
            yield Classified(path, field_name(path), FieldClass.UNKNOWN, "no such field is known")
        elif site.ingress in rule.carried_out_by:
            return
        elif rule.harmless(site):
            if rule.implemented:
                return
            text = "this value has no effect on requests"
            yield Classified(path, field_name(path), FieldClass.INERT, text)
        else:
            yield Classified(path, field_name(path), FieldClass.DECISIVE, rule.effect)

    def _annotations(self, site: Site, path: Path) -> Iterator[Classified]:
        own = path == ("metadata", "annotations")
        kind = str(site.root.get("kind"))
        rule = self.pods if _is_of_pods(kind, path) else self.annotations.get(kind) if own else None
        for name, value in site.value.items():
            if name in self.read:
                continue
            found, text, hint = (rule or _no_reader)(str(name), site.inside(value))
            if found is not FieldClass.IMPLEMENTED:
                yield Classified((*path, name), str(name), found, text, hint)

    def _labels(self, site: Site, path: Path) -> Iterator[Classified]:
        """Yield the labels of pods that are not implemented; all others are read by selectors."""
        if not _is_of_pods(str(site.root.get("kind")), path):
            return
        for name, value in site.value.items():
            found, text, hint = self.pods(str(name), site.inside(value))
            if found in REFUSED:
                yield Classified((*path, name), str(name), found, text, hint)

    def _entries(self, site: Site, path: Path) -> Iterator[Classified]:
        """Yield the keys that are not implemented; if all are inert for the same reason, yield them as one field."""
        found = [(name, *self.entries(str(name), site.inside(value))) for name, value in site.value.items()]
        if len({each[1:] for each in found}) == 1 and found[0][1] is FieldClass.INERT:
            yield Classified(path, field_name(path), *found[0][1:])
            return
        for name, each, text, hint in found:
            if each is not FieldClass.IMPLEMENTED:
                yield Classified((*path, name), field_name((*path, name)), each, text, hint)


def _is_of_pods(kind: str, path: Path) -> bool:
    """Return True if a path leads to annotations or labels of a pod, or of a template of pods."""
    return path[-3:-1] == _TEMPLATE or (kind == "Pod" and path[:-1] == ("metadata",))


def field_name(path: Path) -> str:
    """Return a path without its list indices: ``spec.template.spec.volumes``."""
    return ".".join(part for part in path if isinstance(part, str))


def _is_nothing(value: Any) -> bool:
    """Return True if a value is empty. ``0`` and ``false`` are not empty."""
    return value is None or value in ("", [], {})


def table_problems(
    tables: Mapping[str, Fields], roots: Iterable[str], types_of: Callable[[str], Mapping[str, str]]
) -> list[str]:
    """Compare tables with the API's schema.

    Args:
        tables: Model -> its fields.
        roots: The models of whole objects.
        types_of: Returns a model's fields with the model of each value or item; empty for a plain value.

    Returns:
        A sentence for each difference: a field in no class or in two, a value with a wrong model, a field or a model
        that the schema does not have, and a model without a table.
    """
    problems: list[str] = []
    seen: set[str] = set()
    waiting = list(roots)
    while waiting:
        model = waiting.pop()
        if model in seen:
            continue
        seen.add(model)
        if model in tables:
            problems += _problems_of(model, tables[model], types_of(model))
            children = tables[model].implemented.values()
            waiting += [child for child in children if child and child not in _KEYED]
        else:
            problems.append(f"{model} has no table")
    return sorted(problems) + sorted(f"{model} is not in the schema's reach" for model in set(tables) - seen)


def _problems_of(model: str, table: Fields, types: Mapping[str, str]) -> Iterator[str]:
    """Compare one table with the fields of its model."""
    for name in types:
        classes = table.classes_of(name)
        if len(classes) != 1:
            yield f"{model}.{name} is in {' and in '.join(classes) or 'no class'}"
    for name in {*table.implemented, *table.inert, *table.decisive} - set(types):
        yield f"{model}.{name} is not in the schema"
    for name, child in table.implemented.items():
        if child and child not in _KEYED and name in types and types[name] != child:
            yield f"{model}.{name} is a {types[name] or 'plain value'}, not a {child}"
