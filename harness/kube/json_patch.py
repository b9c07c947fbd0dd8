"""The part of JSON Patch (RFC 6902) that the undo journal uses: test, add, replace, remove.

A real API server does this itself; the one in memory must do it too, or the undo could not be tested without a cluster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from harness.kube.pointer import ABSENT, split, value_at


class PatchTestError(ValueError):
    """A ``test`` did not hold, or an operation names a field that is not there; nothing was changed."""


def json_patch(document: Mapping[str, Any], operations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The document with all operations applied to a copy.

    Raises:
        PatchTestError: An operation can't be applied.
    """
    result = deepcopy(dict(document))
    for operation in operations:
        _apply(result, operation)
    return result


def _apply(document: dict[str, Any], operation: Mapping[str, Any]) -> None:
    path, verb = operation["path"], operation["op"]
    present = value_at(document, path)
    if verb == "test":
        if present is ABSENT or present != operation["value"]:
            raise PatchTestError(f"the test of {path} failed: it holds {present!r}")
        return
    if verb != "add" and present is ABSENT:
        raise PatchTestError(f"{path} is not there")
    *_, last = split(path)
    owner = value_at(document, path.rpartition("/")[0])
    if isinstance(owner, list):
        _apply_to_list(owner, verb, last, operation)
    elif isinstance(owner, dict):
        _apply_to_map(owner, verb, last, operation)
    else:
        raise PatchTestError(f"nothing can be put at {path}")


def _apply_to_map(owner: dict[str, Any], verb: str, name: str, operation: Mapping[str, Any]) -> None:
    if verb == "remove":
        del owner[name]
    else:
        owner[name] = deepcopy(operation["value"])


def _apply_to_list(owner: list[Any], verb: str, place: str, operation: Mapping[str, Any]) -> None:
    index = len(owner) if place == "-" else int(place)
    if verb == "remove":
        del owner[index]
    elif verb == "add":
        owner.insert(index, deepcopy(operation["value"]))
    else:
        owner[index] = deepcopy(operation["value"])
