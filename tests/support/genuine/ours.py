"""Answer the questions with the functions of the embedded cluster."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from genuine.questions import Question
from harness.kube.admission.quantities import QuantityError, canonical
from harness.kube.admission.warnings import warnings
from harness.kube.decoding import DecodeError, decode
from harness.kube.selectors import SelectorError, matches_selector
from harness.kube.strategic import PatchError, strategic_merge
from harness.localkube.api import errors
from harness.localkube.api.registry import Registry
from harness.localkube.api.requests import RequestInfo
from harness.localkube.api.storage import Storage
from harness.localkube.controllers.endpoints import plan_slices, slices_of
from harness.localkube.controllers.pod_order import deletion_order
from harness.localkube.controllers.rollout import SetSize, new_size, proportion, resolve_bounds
from harness.localkube.machinery.objects import parse_timestamp
from harness.localkube.machinery.resources import NAMESPACES, RESOURCES, Resource
from harness.localkube.machinery.selectors import parse_labels

Answer = Any
_NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
_BY_KIND: Mapping[tuple[str, str], Resource] = {(each.api_version, each.kind): each for each in RESOURCES}


def answer(asked: Question) -> Answer:
    """Return our answer to a question, in the form of the recorded ones."""
    return _ANSWERS[asked["what"]](copy.deepcopy(asked))


def _registry() -> Registry:
    storage = Storage(1)
    storage.put(NAMESPACES, ("", "default"), _NAMESPACE)
    # The recorded functions are those of defaulting and validation, without admission plugins.
    return Registry(storage, admit_pod=lambda _pod, _storage: None)


def _target(obj: Mapping[str, Any], name: str = "") -> RequestInfo:
    return RequestInfo(_BY_KIND[obj["apiVersion"], obj["kind"]], "default", name)


def _admit(asked: Question) -> Answer:
    obj = asked["object"]
    return _stored(obj, lambda: _registry().create(_target(obj), obj))


def _replace(asked: Question) -> Answer:
    old, obj = asked["old"], asked["object"]
    registry = _registry()
    before = _stored(old, lambda: registry.create(_target(old), old))
    if "object" not in before:
        return before
    return _stored(obj, lambda: registry.modify(_target(old, old["metadata"]["name"]), lambda _: obj))


def _stored(obj: Any, store: Callable[[], Any]) -> Answer:
    """Decode and store an object; return the causes of a refusal, or the object with its warnings."""
    try:
        unknown = [f'unknown field "{path}"' for path in decode(obj).unknown]
        result = store()
    except DecodeError as error:
        return {"undecodable": str(error)}
    except errors.StatusError as error:
        if error.code == 400:
            return {"undecodable": error.status["message"]}
        causes = (error.status.get("details") or {}).get("causes") or [{"message": error.status["message"]}]
        return {"causes": causes} | ({"unknown": unknown} if unknown else {})
    said = warnings(result)
    parts = {"unknown": unknown, "warnings": said}
    return {"object": result} | {name: value for name, value in parts.items() if value}


def _patch(asked: Question) -> Answer:
    try:
        return strategic_merge(asked["object"], asked["patch"])
    except PatchError as error:
        return {"error": str(error)}


def _bounds(asked: Question) -> Answer:
    found = resolve_bounds(asked["replicas"], asked["surge"], asked["unavailable"])
    return {"surge": found.surge, "unavailable": found.unavailable}


def _rollout(asked: Question) -> Answer:
    found = resolve_bounds(asked["replicas"], asked["surge"], asked["unavailable"])
    sizes = [each["replicas"] for each in asked["sets"]]
    return {"size": new_size(found, sizes[-1], sum(sizes))}


def _scale(asked: Question) -> Answer:
    found = resolve_bounds(asked["replicas"], asked["surge"], asked["unavailable"])
    change, one = asked["sets"]
    size = SetSize("one", one["replicas"], 0, largest=one["largest"])
    return {"step": proportion(found, size, change["replicas"])}


def _victims(asked: Question) -> Answer:
    return [each["metadata"]["name"] for each in deletion_order(asked["items"], parse_timestamp(asked["now"]))]


def _slices(asked: Question) -> Answer:
    plan = plan_slices(asked["object"], slices_of(asked["object"], asked["items"]), [])
    return [{"verb": "create", "object": each} for each in plan.create]


def _quantity(asked: Question) -> Answer:
    try:
        return {"canonical": canonical(asked["text"])}
    except QuantityError as error:
        return {"error": str(error)}


def _selector(asked: Question) -> Answer:
    try:
        if "text" in asked:
            return {"matches": parse_labels(asked["text"])({"metadata": {"labels": asked["labels"]}})}
        return {"matches": matches_selector(asked["object"], asked["labels"])}
    except SelectorError as error:
        return {"error": str(error)}


_ANSWERS: Mapping[str, Callable[[Question], Answer]] = {
    "admit": _admit, "replace": _replace, "patch": _patch, "bounds": _bounds, "rollout": _rollout, "scale": _scale,
    "victims": _victims, "slices": _slices, "quantity": _quantity, "selector": _selector,
}  # fmt: skip
