"""Checks manifests against the API's schema, taken from the official client's model classes.

Many tools silently drop a misspelt field. The cluster then loses requests for a reason that is hard to find. The
client's models are generated from the API's description, so they serve as schema: field names, basic types and required
fields.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from harness.kube.custom import GROUPS, MODELS, Model
from harness.kube.models import official_models
from harness.kube.scopes import is_cluster_scoped, is_custom
from harness.kube.versions import REMOVED

#: Path of a value in an object: field names and list indices from its root.
Path = tuple[str | int, ...]

#: (``apiVersion``, kind) -> the client's class, or the model of a custom kind. Only these kinds can be checked.
KINDS: Mapping[tuple[str, str], str] = {
    **{
        ("v1", kind): f"V1{kind}"
        for kind in ("Namespace", "Pod", "Service", "ConfigMap", "Secret", "ServiceAccount", "Endpoints", "Node")
    },
    ("v1", "Event"): "CoreV1Event",
    **{("v1", kind): f"V1{kind}" for kind in ("PersistentVolumeClaim", "ResourceQuota", "LimitRange")},
    **{("apps/v1", kind): f"V1{kind}" for kind in ("Deployment", "ReplicaSet", "StatefulSet", "DaemonSet")},
    **{("networking.k8s.io/v1", kind): f"V1{kind}" for kind in ("Ingress", "IngressClass", "NetworkPolicy")},
    ("discovery.k8s.io/v1", "EndpointSlice"): "V1EndpointSlice",
    ("events.k8s.io/v1", "Event"): "EventsV1Event",
    ("coordination.k8s.io/v1", "Lease"): "V1Lease",
    ("scheduling.k8s.io/v1", "PriorityClass"): "V1PriorityClass",
    ("node.k8s.io/v1", "RuntimeClass"): "V1RuntimeClass",
    ("policy/v1", "PodDisruptionBudget"): "V1PodDisruptionBudget",
    ("autoscaling/v1", "HorizontalPodAutoscaler"): "V1HorizontalPodAutoscaler",
    ("autoscaling/v2", "HorizontalPodAutoscaler"): "V2HorizontalPodAutoscaler",
    **{("batch/v1", kind): f"V1{kind}" for kind in ("Job", "CronJob")},
    **{
        ("rbac.authorization.k8s.io/v1", kind): f"V1{kind}"
        for kind in ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
    },
    **{(group.group_version, kind): f"{group.prefix}{kind}" for group in GROUPS for kind in group.plurals},
}

_COLLECTION = re.compile(r"(?P<kind>list\[|dict\(str, *|dict\[str, *)(?P<item>.+)[\])]", re.IGNORECASE)
_BASIC: Mapping[str, tuple[tuple[type, ...], str]] = {
    "int": ((int,), "integer"),
    "float": ((int, float), "number"),
    "bool": ((bool,), "boolean"),
    "str": ((str,), "string"),
    "datetime": ((str,), "string"),
    "bytes": ((str,), "string"),
}
#: Fields that are integer or string in the API. The client's models have ``object``.
_INT_OR_STRING = frozenset({"port", "targetPort", "maxSurge", "maxUnavailable", "minAvailable"})
#: Quantities (``cpu: 1``), which may be numbers or strings in the API. The client's models have ``str``.
_QUANTITIES = frozenset(
    {"limits", "requests", "overhead", "hard", "capacity", "allocatable", "sizeLimit", "divisor"}
    | {"default", "defaultRequest", "max", "min", "maxLimitRequestRatio"}  # of a LimitRange
)
#: The same for the targets of a HorizontalPodAutoscaler's metrics.
_METRIC_TARGETS = frozenset({("target", "averageValue"), ("target", "value")})


class ViolationKind(StrEnum):
    """A way in which a field violates its schema."""

    UNKNOWN_KIND = "unknown kind"
    UNKNOWN_VERSION = "unknown version"
    UNKNOWN_FIELD = "unknown field"
    WRONG_TYPE = "wrong type"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Violation:
    """A field that violates the schema.

    Attributes:
        path: Path of the field; for a missing field, of the object that lacks it.
        message: The problem.
        kind: The kind of violation.
        field: Name of the missing field; empty for other kinds.
    """

    path: Path
    message: str
    kind: ViolationKind
    field: str = ""

    @property
    def names_its_field(self) -> bool:
        """True if the message has the field's path, so that a sentence need not add it."""
        return self.kind not in {ViolationKind.WRONG_TYPE, ViolationKind.UNKNOWN_VERSION}


def unknown_fields(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (path, message) of every field that is unknown or has a wrong type; see ``violations``."""
    return [(path_text(v.path), v.message) for v in violations(manifest)]


def violations(manifest: Mapping[str, Any], *, patch: bool = False) -> list[Violation]:
    """Check an object against the schema of its kind.

    Args:
        manifest: The object. Its ``kind`` and ``apiVersion`` select the model.
        patch: True for a strategic merge patch: it may have directives and nulls, and no ``apiVersion``.

    Returns:
        The violations, in the object's order. For an unknown kind, one entry. For a custom or cluster-scoped kind
        without a model, only those of the metadata: nothing but its cluster knows the rest of the schema.
    """
    kind, version = manifest.get("kind"), manifest.get("apiVersion")
    if isinstance(kind, str) and isinstance(version, str) and not patch and (version, kind) not in KINDS:
        if (version, kind) in REMOVED:
            return [_removed(version, kind)]
        if is_custom(manifest) or is_cluster_scoped(manifest):
            return _check_names(manifest)
    names = {v: name for (v, k), name in KINDS.items() if k == kind}
    wrong = [] if version in list(names) or (patch and names and version is None) else [_unknown_kind(kind, version)]
    if not names:
        return wrong
    name = names[version] if version in list(names) else next(iter(names.values()))
    return wrong + list(_check_model(manifest, _model(name), (), patch=patch))


def without(manifest: Mapping[str, Any], wrong: Iterable[Violation]) -> dict[str, Any]:
    """Return a copy of an object without the values that violate its schema, so that the rest is safe to read."""
    copied = deepcopy(dict(manifest))
    for violation in sorted(
        (v for v in wrong if v.path), key=lambda v: [str(p).zfill(9) for p in v.path], reverse=True
    ):
        holder: Any = copied
        for part in violation.path[:-1]:
            holder = holder[part]
        last: Any = violation.path[-1]
        if isinstance(holder, list) or last in holder:
            del holder[last]
    return copied


def missing_fields(manifest: Mapping[str, Any]) -> list[Violation]:
    """Return the missing required fields of an object of a known kind."""
    name = KINDS.get((str(manifest.get("apiVersion")), str(manifest.get("kind"))))
    return list(_missing(manifest, name, ())) if name else []


def container_violations(fields: Mapping[str, Any]) -> list[Violation]:
    """Return the violations in some fields of a container."""
    return list(_check_model(fields, _model("V1Container"), (), patch=False))


def path_text(path: Path) -> str:
    """Return a path as text: ``spec.containers[0].image``. A field name with dots is put in brackets."""
    text = ""
    for part in path:
        plain = isinstance(part, str) and "." not in part and "/" not in part
        text += f".{part}" if plain else f"[{part}]"
    return text.removeprefix(".")


def field_models(name: str) -> dict[str, str]:
    """Return the fields of a model, each with the model of its value or of its items; empty for a plain value."""
    items = {field: item_type(expected) for field, expected in _model(name).openapi_types.items()}
    return {field: "" if item in _BASIC or item == "object" else item for field, item in items.items()}


def item_type(expected: str) -> str:
    """Return the type of a field's items if it is a list or a map, else its type; ``list[V1Pod]`` is of ``V1Pod``."""
    collection = _COLLECTION.fullmatch(expected)
    return expected if collection is None else item_type(collection["item"])


def _model(name: str) -> Model:
    return MODELS.get(name) or official_models()[name]


def _check_names(manifest: Mapping[str, Any]) -> list[Violation]:
    """Check the metadata of an object whose kind has no model."""
    metadata = manifest.get("metadata")
    return [] if metadata is None else list(_check_model(metadata, _model("V1ObjectMeta"), ("metadata",), patch=False))


def _removed(version: str, kind: str) -> Violation:
    release, successor = REMOVED[version, kind]
    message = f"Kubernetes {release} removed {version} of {kind}, so that no supported cluster accepts it"
    return Violation(("apiVersion",), f"{message}; write {successor} and its fields", ViolationKind.UNKNOWN_VERSION)


def _unknown_kind(kind: Any, version: Any) -> Violation:
    same = sorted(v for v, k in KINDS if k == kind)
    if same:
        message = f"expected {' or '.join(same)} for kind {kind}, got {version!r}"
        return Violation(("apiVersion",), message, ViolationKind.UNKNOWN_VERSION)
    if not kind:
        return Violation((), "an object needs apiVersion and kind", ViolationKind.UNKNOWN_KIND)
    near = difflib.get_close_matches(str(kind), {k for _, k in KINDS}, n=1)
    ending = f"; did you mean {near[0]}?" if near else ""
    message = f"unknown kind {kind!r} (apiVersion {version!r}){ending}"
    return Violation(("kind",), message, ViolationKind.UNKNOWN_KIND)


def _check(value: Any, expected: str, path: Path, *, patch: bool) -> Iterator[Violation]:
    """Check a value against a type of the client's models."""
    if value is None:
        return
    collection = _COLLECTION.fullmatch(expected)
    if collection is not None and collection["kind"].lower() == "list[":
        yield from _check_list(value, collection["item"], path, patch=patch)
    elif collection is not None:
        yield from _check_dict(value, collection["item"], path, patch=patch)
    elif expected in _BASIC or expected == "object":
        yield from _check_basic(value, expected, path)
    else:
        yield from _check_model(value, _model(expected), path, patch=patch)


def _check_basic(value: Any, expected: str, path: Path) -> Iterator[Violation]:
    field = next((part for part in reversed(path) if isinstance(part, str)), "")
    types, name = _BASIC.get(expected, ((object,), "object"))
    if expected == "object" and field in _INT_OR_STRING:
        types, name = (int, str), "integer or string"
    if expected == "str" and (_QUANTITIES & set(path[-2:]) or path[-2:] in _METRIC_TARGETS):
        types, name = (str, int, float), "quantity"
    # In Python a bool is an int; in the API it is not.
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types and object not in types):
        yield Violation(path, f"expected {name}, got {_type_name(value)}", ViolationKind.WRONG_TYPE)


def _check_list(value: Any, item: str, path: Path, *, patch: bool) -> Iterator[Violation]:
    if not isinstance(value, list):
        yield Violation(path, f"expected list, got {_type_name(value)}", ViolationKind.WRONG_TYPE)
        return
    for index, part in enumerate(value):
        if part is None:
            yield Violation((*path, index), "expected a value, got null", ViolationKind.WRONG_TYPE)
        yield from _check(part, item, (*path, index), patch=patch)


def _check_dict(value: Any, item: str, path: Path, *, patch: bool) -> Iterator[Violation]:
    if not isinstance(value, Mapping):
        yield Violation(path, f"expected map, got {_type_name(value)}", ViolationKind.WRONG_TYPE)
        return
    for key, part in value.items():
        if not (patch and key.startswith("$")):
            yield from _check(part, item, (*path, key), patch=patch)


def _check_model(value: Any, model: Model, path: Path, *, patch: bool) -> Iterator[Violation]:
    if not isinstance(value, Mapping):
        yield Violation(path, f"expected map, got {_type_name(value)}", ViolationKind.WRONG_TYPE)
        return
    types = model.openapi_types
    for key, part in value.items():
        if key in types:
            yield from _check(part, types[key], (*path, key), patch=patch)
        elif not (patch and str(key).startswith("$")):
            near = difflib.get_close_matches(str(key), types, n=1)
            ending = f'; did you mean "{near[0]}"?' if near else ""
            message = f'unknown field "{path_text((*path, key))}"{ending}'
            yield Violation((*path, key), message, ViolationKind.UNKNOWN_FIELD)


def _missing(value: Any, expected: str, path: Path) -> Iterator[Violation]:
    collection = _COLLECTION.fullmatch(expected)
    if collection is not None:
        items = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, Mapping) else ()
        for key, part in items:
            yield from _missing(part, collection["item"], (*path, key))
    elif expected not in _BASIC and expected != "object" and isinstance(value, Mapping):
        model = _model(expected)
        for field, kind in model.openapi_types.items():
            if value.get(field) is not None:
                yield from _missing(value[field], kind, (*path, field))
            elif field in model.required:
                message = f'"{path_text((*path, field))}" is required'
                yield Violation(path, message, ViolationKind.MISSING, field)


def _type_name(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {str: "string", int: "integer", float: "number", list: "list"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "map")
