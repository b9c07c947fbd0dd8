"""Converts records to JSON and back; the same record always gives the same bytes.

A sealed run is judged again years later, so what is written must explain itself: labels, not numbers.

A dataclass is an object; a ``StrEnum`` is its value. An ``IntEnum`` is its name in lower case with dashes
(``timeout-connect``), also as key of a mapping. A tuple is a list; a ``Path`` is its text; a ``Secret`` is
``(withheld)``; a change has a ``kind`` in addition to its fields. Numbers are as Python writes them: the shortest text
that reads back the same.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import types
import typing
from collections.abc import Hashable, Mapping
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any, Literal, TypeVar

from harness.errors import EvidenceError
from harness.model.changes import CHANGE_KINDS, ChangeSpec
from harness.model.secrets import WITHHELD, Secret

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """Return a record, or a structure of records, as plain JSON data.

    Raises:
        TypeError: A part of it has no form in JSON.
    """
    if isinstance(value, Enum):
        return _label(value)
    if value is None or isinstance(value, bool | int | float | str):
        return WITHHELD if isinstance(value, Secret) else value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {_key(key): to_json(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        tag = {"kind": value.kind} if isinstance(value, ChangeSpec) else {}
        return tag | {name: to_json(getattr(value, name)) for name in _names(type(value))}
    raise TypeError(f"{type(value).__name__} has no form in JSON: {value!r}")


def from_json(cls: type[T], data: Any) -> T:
    """Return the record for plain JSON data; the inverse of ``to_json``.

    Args:
        cls: The record's class.
        data: Plain JSON data.

    Raises:
        EvidenceError: The data is no such record; the message says where.
    """
    return typing.cast("T", _read(cls, data, cls.__name__))


def dump(value: Any) -> bytes:
    """Return JSON as written to files: sorted keys, UTF-8, a newline at the end.

    Raises:
        ValueError: A number is not finite, which JSON can't express.
    """
    text = json.dumps(to_json(value), sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


@functools.cache
def _names(cls: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(cls))


def _label(value: Enum) -> Any:
    return value.name.lower().replace("_", "-") if isinstance(value, IntEnum) else value.value


def _key(key: Any) -> str:
    plain = _label(key) if isinstance(key, Enum) else key
    if not isinstance(plain, str):
        raise TypeError(f"a mapping's key must be text in JSON, not {plain!r}")
    return plain


def _wrong(place: str, expected: str, data: Any) -> EvidenceError:
    shown = repr(data)
    return EvidenceError(f"{place}: expected {expected}, found {shown if len(shown) < 80 else shown[:77] + '...'}.")


def _read(kind: Any, data: Any, place: str) -> Any:
    """Parse a value of the annotated type ``kind``."""
    origin = typing.get_origin(kind)
    if kind is Any:
        return data
    if origin in (types.UnionType, typing.Union):
        return _read_union(typing.get_args(kind), data, place)
    if origin is Literal:
        if data not in typing.get_args(kind):
            raise _wrong(place, f"one of {', '.join(map(str, typing.get_args(kind)))}", data)
        return data
    if origin is tuple:
        return _read_tuple(typing.get_args(kind), data, place)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _read_mapping(typing.get_args(kind), data, place)
    return _read_simple(kind, data, place)


def _read_simple(kind: Any, data: Any, place: str) -> Any:
    if kind is None or kind is type(None):
        if data is not None:
            raise _wrong(place, "nothing", data)
        return None
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _read_enum(kind, data, place)
    if dataclasses.is_dataclass(kind):
        return _read_record(typing.cast("type[Any]", kind), data, place)
    if kind is Path and isinstance(data, str):
        return Path(data)
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if not isinstance(data, kind) or (kind in (int, float) and isinstance(data, bool)):
        raise _wrong(place, kind.__name__, data)
    return data


def _read_union(kinds: tuple[Any, ...], data: Any, place: str) -> Any:
    """Parse a value as the member of exactly its type, else as the first member that can be parsed.

    So ``1`` is an int rather than a float.
    """
    for kind in kinds:
        if type(data) is kind:
            return data
    errors = []
    for kind in kinds:
        try:
            return _read(kind, data, place)
        except EvidenceError as error:
            errors.append(error)
    raise errors[-1]


def _read_tuple(kinds: tuple[Any, ...], data: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(data, list | tuple):
        raise _wrong(place, "a list", data)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_read(kinds[0], item, f"{place}[{n}]") for n, item in enumerate(data))
    if len(kinds) != len(data):
        raise _wrong(place, f"a list of {len(kinds)}", data)
    return tuple(_read(kind, item, f"{place}[{n}]") for n, (kind, item) in enumerate(zip(kinds, data, strict=True)))


def _read_mapping(kinds: tuple[Any, ...], data: Any, place: str) -> dict[Any, Any]:
    if not isinstance(data, Mapping):
        raise _wrong(place, "an object", data)
    return {_read(kinds[0], key, place): _read(kinds[1], item, f"{place}.{key}") for key, item in data.items()}


def _read_enum(kind: type[Enum], data: Any, place: str) -> Enum:
    for member in kind:
        if _label(member) == data:
            return member
    raise _wrong(place, f"one of {', '.join(str(_label(member)) for member in kind)}", data)


@functools.cache
def _fields(cls: Any) -> dict[str, tuple[Any, bool]]:
    """Return the fields of a record as ``{name: (type, is required)}``."""
    hints = typing.get_type_hints(cls)
    return {
        field.name: (
            hints[field.name],
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in dataclasses.fields(cls)
    }


def _read_record(cls: type[Any], data: Any, place: str) -> Any:
    if not isinstance(data, Mapping):
        raise _wrong(place, f"an object ({cls.__name__})", data)
    if issubclass(cls, ChangeSpec):
        data = dict(data)
        kind = data.pop("kind", None)
        if kind not in CHANGE_KINDS:
            raise _wrong(f"{place}.kind", f"one of {', '.join(CHANGE_KINDS)}", kind)
        cls = CHANGE_KINDS[kind]
    known = _fields(typing.cast("Hashable", cls))
    if unknown := sorted(set(data) - set(known)):
        raise EvidenceError(f"{place}: {cls.__name__} has no field {unknown[0]!r}; was it written by a newer version?")
    if missing := sorted(name for name, (_, needed) in known.items() if needed and name not in data):
        raise EvidenceError(f"{place}: {cls.__name__} lacks its field {missing[0]!r}.")
    return cls(**{name: _read(known[name][0], item, f"{place}.{name}") for name, item in data.items()})
