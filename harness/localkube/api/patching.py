"""Apply the patch types of a real server: JSON patch, merge patch, strategic merge patch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jsonpatch
import jsonpointer

from harness.kube.strategic import PatchError, json_merge, strategic_merge
from harness.localkube.api import errors
from harness.localkube.machinery.objects import Object

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


def patched(obj: Object, body: Any, content_type: str) -> Object:
    """Return a patched copy of the object.

    Raises:
        StatusError: 415 for an unknown patch type, 400 for a malformed patch, 422 for a JSON patch that does not apply.
    """
    kind = content_type.partition(";")[0].strip()
    if kind not in _APPLIERS:
        raise errors.unsupported_media("415: Unsupported Media Type")
    return _APPLIERS[kind](obj, body)


def _json(obj: Object, body: Any) -> Object:
    if not isinstance(body, list):
        raise errors.bad_request(f"error decoding patch: {_cannot(body, '[]handlers.jsonPatchOp')}")
    try:
        result = jsonpatch.apply_patch(obj, [_lenient(each) for each in body])
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException):
        raise errors.rejected() from None
    if not isinstance(result, dict):
        raise errors.bad_request("the JSON patch replaces the object by a value that is not an object")
    return result


def _lenient(operation: Any) -> Any:
    """Read an operation as a real server does: a value that is missing is null."""
    if isinstance(operation, dict) and operation.get("op") in {"add", "replace", "test"}:
        return {"value": None, **operation}
    return operation


def _merge(obj: Object, body: Any) -> Object:
    return json_merge(obj, _mapping(body, "error decoding patch: "))


def _strategic(obj: Object, body: Any) -> Object:
    try:
        return strategic_merge(obj, _mapping(body, ""))
    except PatchError as error:
        raise errors.server_error(str(error)) from None


def _mapping(body: Any, before: str) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise errors.bad_request(before + _cannot(body, "map[string]interface {}"))
    return body


def _cannot(body: Any, go: str) -> str:
    word = {list: "array", str: "string", dict: "object", bool: "bool"}.get(type(body), "number")
    return f"json: cannot unmarshal {word} into Go value of type {go}"


_APPLIERS: Mapping[str, Callable[[Object, Any], Object]] = {
    JSON_PATCH: _json,
    MERGE_PATCH: _merge,
    STRATEGIC_PATCH: _strategic,
}
