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
        raise errors.unsupported_media(
            "the body of the request was in an unknown format - accepted media types include: "
            + ", ".join((*_APPLIERS, APPLY_PATCH))
        )
    return _APPLIERS[kind](obj, body)


def _json(obj: Object, body: Any) -> Object:
    if not isinstance(body, list):
        raise errors.bad_request("a JSON patch is a list of operations")
    try:
        result = jsonpatch.apply_patch(obj, body)
    except jsonpatch.InvalidJsonPatch as error:
        raise errors.bad_request(f"invalid JSON patch: {error}") from None
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException) as error:
        message = f"the server rejected our request due to an error in our request: {error}"
        raise errors.StatusError(422, "Invalid", message) from None
    if not isinstance(result, dict):
        raise errors.bad_request("the JSON patch replaces the object by a value that is not an object")
    return result


def _merge(obj: Object, body: Any) -> Object:
    return json_merge(obj, _mapping(body))


def _strategic(obj: Object, body: Any) -> Object:
    try:
        return strategic_merge(obj, _mapping(body))
    except PatchError as error:
        raise errors.bad_request(str(error)) from None


def _mapping(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise errors.bad_request("the patch must be an object")
    return body


_APPLIERS: Mapping[str, Callable[[Object, Any], Object]] = {
    JSON_PATCH: _json,
    MERGE_PATCH: _merge,
    STRATEGIC_PATCH: _strategic,
}
