"""Describes changes of objects in words: ``Deployment apple: image 1.0 to 1.1``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from harness.kube.api import Object

#: Parts of an object that controllers write, or that say nothing.
_NOISE = frozenset({"status", "kind", "apiVersion"})
#: Fields of ``metadata`` that a person changes.
_METADATA = ("labels", "annotations")
#: Beginnings of annotations that controllers and kubectl write.
_OWN_NOTES = ("deployment.kubernetes.io/", "kubectl.kubernetes.io/last-applied", "harness")
#: Fields whose items are found by this field rather than by their place.
_NAMED = "name"
#: Steps of a path that a description leaves out, because the reader can do without them.
_SILENT = frozenset({"spec", "template", "metadata", "data", "rollingUpdate"})
#: Longest value that is shown in full, in characters.
_LONGEST = 60
#: Most differences that one sentence lists.
_MOST = 4

#: The end of the path of annotations. Each is described by itself, also if it is the first or the last one.
_ANNOTATIONS = ("annotations",)
_RESTARTED = "kubectl.kubernetes.io/restartedAt"


def describe_change(kind: str, old: Object | None, new: Object | None) -> str:
    """Return a change of an object as a phrase; empty if nothing that a person writes has changed.

    Args:
        kind: Kind of the object.
        old: The object before; None if it was created.
        new: The object after; None if it was deleted.
    """
    name = _name(old or new or {})
    if old is None:
        return f"{kind} {name}: created"
    if new is None:
        return f"{kind} {name}: deleted"
    found = list(dict.fromkeys(_differences((), _written(old), _written(new))))
    if not found:
        return ""
    shown = [*found[:_MOST], *([f"{len(found) - _MOST} more"] if len(found) > _MOST else [])]
    return f"{kind} {name}: {', '.join(shown)}"


def _name(obj: Mapping[str, Any]) -> str:
    return str(obj.get("metadata", {}).get("name", ""))


def _written(obj: Object) -> dict[str, Any]:
    """Return the parts of an object that a person writes."""
    metadata = obj.get("metadata", {})
    kept = {part: dict(metadata.get(part) or {}) for part in _METADATA}
    kept["annotations"] = {k: v for k, v in kept["annotations"].items() if not k.startswith(_OWN_NOTES)}
    written = {**{k: v for k, v in obj.items() if k not in _NOISE and k != "metadata"}, "metadata": kept}
    if "nodeName" in (obj.get("spec") or {}):
        written["spec"] = {k: v for k, v in obj["spec"].items() if k != "nodeName"}
    return written


def _differences(path: tuple[str, ...], old: Any, new: Any) -> Iterator[str]:
    if old == new:
        return
    if path[-1:] == _ANNOTATIONS or (isinstance(old, Mapping) and isinstance(new, Mapping)):
        old, new = old or {}, new or {}
        for key in (*old, *(key for key in new if key not in old)):
            yield from _differences((*path, str(key)), old.get(key), new.get(key))
        return
    if isinstance(old, list) and isinstance(new, list) and _are_named([*old, *new]):
        before, after = ({item[_NAMED]: item for item in items} for items in (old, new))
        for name in dict.fromkeys([*before, *after]):
            # One container is the usual case, and its name says nothing.
            step = path if len(before | after) == 1 else (*path, str(name))
            yield from _differences(step, before.get(name), after.get(name))
        return
    yield _phrase(path, old, new)


def _are_named(items: list[Any]) -> bool:
    return bool(items) and all(isinstance(item, Mapping) and _NAMED in item for item in items)


def _phrase(path: tuple[str, ...], old: Any, new: Any) -> str:
    if path[-1] == _RESTARTED:
        return "restarted"
    words = " ".join([step for step in path if step not in _SILENT][-3:]).replace("containers ", "")
    if old is None:
        return f"{words} {_value(new)}"
    if new is None:
        return f"{words} removed"
    before, after = _value(old), _value(new)
    repository, colon, tag = before.rpartition(":")
    if path[-1] == "image" and colon and after.startswith(f"{repository}:"):
        before, after = tag, after.rpartition(":")[2]
    return f"{words} {before} to {after}"


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
