"""Record the descriptions by which protobuf bodies are decoded, from the Go modules that Kubernetes publishes.

``python -m harness.localkube.api.protobuf.record COMPILED MODULES`` writes the file next to this one.

``COMPILED`` is what ``protoc --include_imports --descriptor_set_out`` makes of the ``generated.proto`` files of the
packages in ``PACKAGES``. ``MODULES`` is the folder that has the modules as ``k8s.io/api`` and ``k8s.io/apimachinery``.

A ``.proto`` file of Kubernetes says less than the Go type that it was generated from. Two facts are taken from there:

- A field that is no pointer in Go is always sent, and its zero means that it is absent. Such a field becomes one of
  proto3, whose zero is absent. A pointer becomes an ``optional`` of proto3, whose zero is a value (``replicas: 0``).
- The fields of an embedded struct belong to the object around it. The name in JSON of such a field gets ``INLINE``.
"""

from __future__ import annotations

import gzip
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet

from harness.localkube.api.protobuf.envelope import DESCRIPTIONS, INLINE

#: Folders of the ``generated.proto`` files that have the kinds in request bodies; their imports are included.
PACKAGES = (
    *(
        f"k8s.io/api/{name}"
        for name in (
            "apps/v1", "authentication/v1", "authorization/v1", "autoscaling/v1", "autoscaling/v2", "batch/v1",
            "coordination/v1", "core/v1", "discovery/v1", "events/v1", "networking/v1", "node/v1",
            "policy/v1", "rbac/v1", "scheduling/v1",
        )
    ),
    "k8s.io/apimachinery/pkg/runtime",
)  # fmt: skip

_STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(
    r"^\t(?:\w+\s+)?(?P<pointer>\*?)[\w.\[\]*]+\s+"
    r'`json:"(?P<json>\w*)[^"]*" protobuf:"\w+,(?P<number>\d+),',
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class GoField:
    """A field of a Go struct.

    Attributes:
        json: Its name in JSON; empty for an embedded struct.
        pointer: True if it is a pointer, so that its zero is a value.
    """

    json: str
    pointer: bool


def go_structs(source: str) -> Mapping[str, Mapping[int, GoField]]:
    """Return the fields of each struct in Go source, by their number in protobuf."""
    return {name: dict(_go_fields(body)) for name, body in _STRUCT.findall(source)}


def _go_fields(body: str) -> Iterator[tuple[int, GoField]]:
    for found in _FIELD.finditer(body):
        yield int(found["number"]), GoField(found["json"], bool(found["pointer"]))


def annotate(file: FileDescriptorProto, structs: Mapping[str, Mapping[int, GoField]]) -> None:
    """Add the facts from Go to the description of a file, and make it one of proto3."""
    file.syntax = "proto3"
    for message in file.message_type:
        fields = structs.get(message.name, {})
        for each in message.field:
            _annotate_field(message, each, fields.get(each.number))


def _annotate_field(message: DescriptorProto, field: FieldDescriptorProto, known: GoField | None) -> None:
    field.label = field.LABEL_REPEATED if field.label == field.LABEL_REPEATED else field.LABEL_OPTIONAL
    field.ClearField("default_value")
    if known is None:
        return
    field.json_name = known.json or INLINE + field.name
    if known.pointer and field.type != field.TYPE_MESSAGE and field.label != field.LABEL_REPEATED:
        field.proto3_optional = True
        field.oneof_index = len(message.oneof_decl)
        message.oneof_decl.add(name=f"_{field.name}")


def main(compiled: str, modules: str) -> None:
    """Write the descriptions."""
    described = FileDescriptorSet.FromString(Path(compiled).read_bytes())
    for file in described.file:
        folder = (Path(modules) / file.name).parent
        sources = (path.read_text("utf-8") for path in sorted(folder.glob("*.go")) if "_test" not in path.name)
        annotate(file, go_structs("\n".join(sources)))
        file.ClearField("options")
    DESCRIPTIONS.write_bytes(gzip.compress(described.SerializeToString(deterministic=True), mtime=0))


if __name__ == "__main__":
    main(*sys.argv[1:])
