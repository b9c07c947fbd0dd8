"""Decode an object as a real API server does: refuse values of a wrong type in its words, and drop unknown fields.

The models of the official client serve as the schema.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.kube.admission import quantities
from harness.kube.models import official_models
from harness.kube.schema import KINDS, Path, path_text

_LIST = re.compile(r"list\[(.+)\]", re.IGNORECASE)
_MAP = re.compile(r"dict\(str, *(.+)\)|dict\[str, *(.+)\]", re.IGNORECASE)
#: Fields whose numbers have 64 bits; all others have 32.
_WIDE = frozenset(
    {
        "activeDeadlineSeconds", "deletionGracePeriodSeconds", "expirationSeconds", "fsGroup", "generation",
        "gracePeriodSeconds", "observedGeneration", "runAsGroup", "runAsUser", "seconds",
        "terminationGracePeriodSeconds", "tolerationSeconds",
    }
)  # fmt: skip
_INT_OR_STRING = frozenset({"port", "targetPort", "maxSurge", "maxUnavailable", "minAvailable"})
_AMOUNTS = frozenset({"limits", "requests", "overhead", "hard", "capacity", "allocatable"})
#: Words for JSON types, by the type that Python reads them as.
_WORDS: Mapping[type, str] = {
    bool: "bool",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


class DecodeError(ValueError):
    """A value has a wrong type; the message is the last part of a real server's message."""


class _MismatchError(DecodeError):
    """A value has another JSON type than its field."""


@dataclass
class Decoded:
    """The result of decoding one object.

    Attributes:
        unknown: Paths of the unknown fields, in the object's order; they were dropped.
        mismatch: The error about the first value of a wrong type. Decoding goes on after it, as in Go: if a quantity is
            invalid, that is reported instead.
    """

    unknown: list[str] = field(default_factory=list)
    mismatch: _MismatchError | None = None


def decode(obj: Any) -> Decoded:
    """Decode an object of a kind in ``KINDS`` that has a model of the client; drop its unknown fields in place.

    Objects of other kinds are left as they are.

    Raises:
        DecodeError: A value has a wrong type.
    """
    found = Decoded()
    name = KINDS.get((str(obj.get("apiVersion")), str(obj.get("kind"))))
    if name is not None and (types := _types(name)) is not None:
        _object(obj, name, types, (), found)
    if found.mismatch is not None:
        raise found.mismatch
    return found


def _types(model: str) -> Mapping[str, str] | None:
    """Return the types of a model's fields; None for a model that the client does not have."""
    found = official_models().get(model)
    return None if found is None else found.openapi_types


def _object(value: dict[str, Any], model: str, types: Mapping[str, str], path: Path, found: Decoded) -> None:
    for name in list(value):
        if name not in types:
            found.unknown.append(path_text((*path, name)))
            del value[name]
        elif value[name] is not None:
            _value(value[name], types[name], model, (*path, name), found)


def _value(value: Any, expected: str, model: str, path: Path, found: Decoded) -> None:
    try:
        _checked(value, expected, model, path, found)
    except _MismatchError as error:
        found.mismatch = found.mismatch or error


def _checked(value: Any, expected: str, model: str, path: Path, found: Decoded) -> None:
    items, entries = _LIST.fullmatch(expected), _MAP.fullmatch(expected)
    if items is not None:
        _require(value, list, f"[]{_go(items[1], path)}", model, path)
        for index, item in enumerate(value):
            if item is not None:
                _value(item, items[1], model, (*path, index), found)
    elif entries is not None:
        _entries(value, entries[1] or entries[2], model, path, found)
    elif (types := _known(expected)) is not None:
        _require(value, dict, _go(expected, path), model, path)
        _object(value, expected, types, path, found)
    else:
        _plain(value, expected, model, path)


def _known(expected: str) -> Mapping[str, str] | None:
    return _types(expected) if expected[:1].isupper() else None


def _entries(value: Any, item: str, model: str, path: Path, found: Decoded) -> None:
    amounts = path[-1] in _AMOUNTS and item == "str"
    _require(value, dict, "v1.ResourceList" if amounts else f"map[string]{_go(item, path)}", model, path)
    for key, part in value.items():
        if amounts:
            _amount(part)
        elif part is None and item == "str":
            value[key] = ""
        elif part is not None:
            _value(part, item, model, (*path, _Key(key)), found)


class _Key(str):
    """The key of a map. It is no field, so the path in a message omits it."""

    __slots__ = ()


def _amount(value: Any) -> None:
    try:
        if value is not None:
            quantities.parse(value)
    except quantities.QuantityError as error:
        raise DecodeError(str(error)) from None


def _plain(value: Any, expected: str, model: str, path: Path) -> None:
    name = path[-1]
    if expected == "object":
        if name in _INT_OR_STRING and not isinstance(value, str):
            _number(value, "int32", model, path)
    elif expected == "int":
        _number(value, _go(expected, path), model, path)
    elif expected == "bool":
        _require(value, bool, "bool", model, path)
    elif expected in {"str", "bytes", "datetime"}:
        _require(value, str, _go(expected, path), model, path)
        if expected == "bytes" or _holds_bytes(model, path):
            _base64(value)


def _holds_bytes(model: str, path: Path) -> bool:
    return model in {"V1Secret", "V1ConfigMap"} and path[0] == ("data" if model == "V1Secret" else "binaryData")


def _base64(value: str) -> None:
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error:
        at = next((i for i, c in enumerate(value) if not (c.isalnum() or c in "+/=")), len(value))
        raise DecodeError(f"illegal base64 data at input byte {at}") from None


def _number(value: Any, go: str, model: str, path: Path) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _mismatch(value, go, model, path)
    bits = 63 if go == "int64" else 31
    if isinstance(value, float) or not -(1 << bits) <= value < 1 << bits:
        raise _mismatch(value, go, model, path, shown=f"number {value}")


def _require(value: Any, kind: type, go: str, model: str, path: Path) -> None:
    if not isinstance(value, kind):
        if model == "V1Secret" and path[0] == "data":
            go = "[]uint8"
        raise _mismatch(value, go, model, path)


def _mismatch(value: Any, go: str, model: str, path: Path, shown: str = "") -> _MismatchError:
    where = ".".join(str(part) for part in path if isinstance(part, str) and not isinstance(part, _Key))
    word = shown or _WORDS.get(type(value), "null")
    return _MismatchError(f"json: cannot unmarshal {word} into Go struct field {_struct(model)}.{where} of type {go}")


def _struct(model: str) -> str:
    return re.sub(r"^(Core|Discovery|Events)?V\d(?=[A-Z])", "", model)


def _go(expected: str, path: Path) -> str:
    """Return the name that Go has for a type."""
    name = next((part for part in reversed(path) if isinstance(part, str)), "")
    match expected:
        case "int":
            return "int64" if name in _WIDE else "int32"
        case "str":
            return "string"
        case "bool":
            return "bool"
        case "bytes":
            return "[]uint8"
        case "datetime":
            return "v1.Time"
    return f"v1.{_struct(expected)}"
