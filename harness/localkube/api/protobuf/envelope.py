"""Decode a body in Kubernetes' protobuf encoding into the object that the same body in JSON would be.

The descriptions of all messages are read on the first such body: they take a few milliseconds, and the start of a
cluster needs none of them.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from harness.localkube.machinery.objects import Object

#: Every body in this encoding begins with it.
MAGIC = b"k8s\0"
#: The descriptions of all messages; ``record`` writes it.
DESCRIPTIONS = Path(__file__).with_name("descriptions.binpb.gz")
#: Precedes the name in JSON of a field whose own fields belong to the object around it.
INLINE = "/"

_MACHINERY = "k8s.io.apimachinery.pkg"
_META = f"{_MACHINERY}.apis.meta.v1"


class ProtobufError(ValueError):
    """The body is not a message of a kind that is described here."""


def decode(body: bytes) -> Object:
    """Return the object of a body that begins with ``MAGIC``.

    Raises:
        ProtobufError: It cannot be decoded.
    """
    try:
        envelope: Any = message(f"{_MACHINERY}.runtime.Unknown").FromString(body.removeprefix(MAGIC))
        version, kind = envelope.typeMeta.apiVersion, envelope.typeMeta.kind
        found: Object = _plain(message_of(version, kind).FromString(envelope.raw))
    except (DecodeError, KeyError) as error:
        raise ProtobufError(f"the body is no protobuf message of a known kind: {error}") from None
    return {"kind": kind, "apiVersion": version, **found}


def description(version: str, kind: str) -> Descriptor:
    """Return the description of a kind, or of a type that all kinds share; raise ``KeyError`` if there is none."""
    found: Descriptor = _pool().FindMessageTypeByName(message_of(version, kind).DESCRIPTOR.full_name)
    return found


@cache
def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(gzip.decompress(DESCRIPTIONS.read_bytes())).file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool


@cache
def message(name: str) -> type[Message]:
    """Return the class of a message by its full name; raise ``KeyError`` if there is none."""
    found: type[Message] = GetMessageClass(_pool().FindMessageTypeByName(name))
    return found


@cache
def message_of(version: str, kind: str) -> type[Message]:
    """Return the message of a kind; options of requests have the version of any group.

    Raises:
        KeyError: There is none.
    """
    group, _slash, number = version.rpartition("/")
    package = f"k8s.io.api.{group.partition('.')[0] or 'core'}.{number}"
    try:
        return message(f"{package}.{kind}")
    except KeyError:
        return message(f"{_META}.{kind}")


def _plain(value: Message) -> Any:
    """Return a message as the value that it has in JSON."""
    special = _SPECIAL.get(value.DESCRIPTOR.full_name)
    if special is not None:
        return special(value)
    found: dict[str, Any] = {}
    for field, part in value.ListFields():
        shown = _value(field, part)
        if field.json_name.startswith(INLINE):
            found |= shown
        elif shown is not None:
            found[field.json_name] = shown
    return found


def _value(field: FieldDescriptor, value: Any) -> Any:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        item = kind.fields_by_name["value"]
        return {key: _single(item, each) for key, each in value.items()}
    return [_single(field, each) for each in value] if field.is_repeated else _single(field, value)


def _single(field: FieldDescriptor, value: Any) -> Any:
    if field.message_type is not None:
        return _plain(value)
    if field.type == FieldDescriptor.TYPE_BYTES:
        import base64  # noqa: PLC0415 - only Secrets and binary ConfigMaps have bytes

        return base64.b64encode(value).decode()
    return value


def _time(value: Any) -> str | None:
    """Return a time in RFC 3339; None for the zero time, which stands for an absent one."""
    if not value.seconds and not value.nanos:
        return None
    return datetime.fromtimestamp(value.seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _micro_time(value: Any) -> str | None:
    if not value.seconds and not value.nanos:
        return None
    seconds = datetime.fromtimestamp(value.seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{seconds}.{value.nanos // 1000:06d}Z"


def _int_or_string(value: Any) -> int | str:
    found: int | str = value.strVal if value.type else value.intVal
    return found


def _quantity(value: Any) -> str:
    return str(value.string)


def _raw(value: Any) -> Any:
    return json.loads(value.raw) if value.raw else None


def _fields(value: Any) -> Any:
    return json.loads(value.Raw) if value.Raw else None


def _items(value: Any) -> list[str]:
    return list(value.items)


#: Messages whose value in JSON is not an object with their fields.
_SPECIAL: Mapping[str, Callable[[Any], Any]] = {
    f"{_META}.Time": _time,
    f"{_META}.MicroTime": _micro_time,
    f"{_META}.FieldsV1": _fields,
    f"{_META}.Verbs": _items,
    f"{_MACHINERY}.api.resource.Quantity": _quantity,
    f"{_MACHINERY}.runtime.RawExtension": _raw,
    f"{_MACHINERY}.util.intstr.IntOrString": _int_or_string,
    "k8s.io.api.authentication.v1.ExtraValue": _items,
    "k8s.io.api.authorization.v1.ExtraValue": _items,
}
