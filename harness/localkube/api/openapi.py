"""Serve OpenAPI v3: the fields of all served kinds, as `kubectl explain` shows them.

Names and types come from the protobuf descriptions, and texts and required fields from the official client's models.
The start of a cluster needs neither: import this module on the first request.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from harness.kube.custom import GROUPS, MODELS
from harness.kube.schema import KINDS, field_models
from harness.localkube.api.protobuf.envelope import INLINE, description
from harness.localkube.machinery.objects import Object
from harness.localkube.machinery.resources import RESOURCES, Resource

_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
#: Messages that are no objects in JSON.
_PLAIN: Mapping[str, Object] = {
    f"{_META}.FieldsV1": {"type": "object"},
    f"{_META}.MicroTime": {"type": "string", "format": "date-time"},
    f"{_META}.Time": {"type": "string", "format": "date-time"},
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
    "io.k8s.apimachinery.pkg.runtime.RawExtension": {"type": "object"},
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {
        "oneOf": [{"type": "integer"}, {"type": "string"}],
        "format": "int-or-string",
    },
}
_CUSTOM_KINDS = frozenset((group.group_version, kind) for group in GROUPS for kind in group.plurals)
_CUSTOM_BASIC: Mapping[str, Object] = {
    "str": {"type": "string"},
    "int": {"type": "integer", "format": "int64"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
}


def document(root: str, version: str) -> Object | None:
    """Return ``/openapi/v3/<root>``: fields, and the patch operations; None if the root is not served.

    The operations tell kubectl that the server validates fields.
    """
    resources = [resource for resource in RESOURCES if resource.root == root]
    if not resources:
        return None
    schemas: dict[str, Object] = {}
    for resource in resources:
        _add_kind(resource, schemas)
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": version},
        "paths": dict(_path(resource) for resource in resources),
        "components": {"schemas": schemas},
    }


def _path(resource: Resource) -> tuple[str, Object]:
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
        for name in ("dryRun", "fieldManager", "fieldValidation")
    ]
    operation = {
        "operationId": f"patch{resource.kind}",
        "parameters": parameters,
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": _identity(resource),
    }
    namespace = "{namespace}" if resource.namespaced else None
    return resource.path("{name}", namespace), {"patch": operation}


def _identity(resource: Resource) -> Object:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _add_kind(resource: Resource, schemas: dict[str, Object]) -> None:
    """Add the schemas of a kind and of all types in it."""
    if (resource.api_version, resource.kind) in _CUSTOM_KINDS:
        name = _custom(resource, schemas)
    else:
        found = description(resource.api_version, resource.kind)
        name = _add(found, KINDS[resource.api_version, resource.kind], schemas)
        typed = {"apiVersion": _API_VERSION, "kind": _KIND}
        schemas[name]["properties"] = {**typed, **schemas[name]["properties"]}
    schemas[name]["x-kubernetes-group-version-kind"] = [_identity(resource)]


def _add(message: Descriptor, model: str, schemas: dict[str, Object]) -> str:
    """Add the schemas of a message and of all messages in it; return its name.

    Args:
        message: The description of the message.
        model: The client's model of it; empty if the client has none.
        schemas: The schemas by name, to which they are added.
    """
    name = _name(message)
    if name in schemas:
        return name
    if name in _PLAIN:
        schemas[name] = dict(_PLAIN[name])
        return name
    known = getattr(importlib.import_module("kubernetes.client"), model) if model else None
    schema: Object = {"type": "object", "description": _unindented(known.__doc__ if known else ""), "properties": {}}
    schemas[name] = schema
    known_fields = {info.serialization_alias or key: info for key, info in known.model_fields.items()} if known else {}
    models = field_models(model) if known else {}
    for field_name, field in _fields(message).items():
        shown = _type(field, models.get(field_name, ""), schemas)
        if field_name in known_fields:
            own, kind = known_fields[field_name].description, field.message_type
            shown["description"] = own or (schemas[_name(kind)].get("description", "") if kind else "")
        schema["properties"][field_name] = shown
    required = sorted(field for field, info in known_fields.items() if info.is_required())
    if required:
        schema["required"] = required
    return name


def _fields(message: Descriptor) -> dict[str, FieldDescriptor]:
    """Return the fields of a message by their name in JSON, those of embedded structs included."""
    found: dict[str, FieldDescriptor] = {}
    for field in message.fields:
        if field.message_type is not None and field.json_name.startswith(INLINE):
            found |= _fields(field.message_type)
        else:
            found[field.json_name] = field
    return dict(sorted(found.items()))


def _type(field: FieldDescriptor, model: str, schemas: dict[str, Object]) -> Object:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        item = kind.fields_by_name["value"]
        return {"type": "object", "additionalProperties": _single(item, model, schemas)}
    one = _single(field, model, schemas)
    return {"type": "array", "items": one} if field.is_repeated else one


def _single(field: FieldDescriptor, model: str, schemas: dict[str, Object]) -> Object:
    if field.message_type is not None:
        name = _add(field.message_type, model, schemas)
        return {"allOf": [{"$ref": f"#/components/schemas/{name}"}]}
    return dict(_basic(field))


def _basic(field: FieldDescriptor) -> Object:
    names: Mapping[int, Object] = {
        field.TYPE_BOOL: {"type": "boolean"},
        field.TYPE_BYTES: {"type": "string", "format": "byte"},
        field.TYPE_DOUBLE: {"type": "number", "format": "double"},
        field.TYPE_INT32: {"type": "integer", "format": "int32"},
        field.TYPE_INT64: {"type": "integer", "format": "int64"},
    }
    return names.get(field.type, {"type": "string"})


def _name(message: Descriptor) -> str:
    return f"io.{message.full_name}".replace("io.k8s.io.", "io.k8s.")


def _unindented(text: str) -> str:
    """Return the sentences of a model's docstring, without the part about attributes."""
    return " ".join(text.partition("Attributes:")[0].split())


def _custom(resource: Resource, schemas: dict[str, Object]) -> str:
    prefix = next(group.prefix for group in GROUPS if group.group == resource.group)
    name = _add_custom(f"{prefix}{resource.kind}", prefix, schemas)
    schemas[name]["properties"] = {**schemas[name]["properties"], "apiVersion": _API_VERSION, "kind": _KIND}
    return name


def _add_custom(model: str, prefix: str, schemas: dict[str, Object]) -> str:
    name = f"custom.{model.removeprefix(prefix)}"
    if name not in schemas:
        schema = schemas[name] = {"type": "object", "properties": {}}
        types = MODELS[model].openapi_types
        schema["properties"] = {field: _custom_type(text, prefix, schemas) for field, text in types.items()}
        if MODELS[model].required:
            schema["required"] = sorted(MODELS[model].required)
    return name


def _custom_type(text: str, prefix: str, schemas: dict[str, Object]) -> Object:
    if text.startswith("list["):
        return {"type": "array", "items": _custom_type(text[5:-1], prefix, schemas)}
    if text.startswith("dict("):
        return {"type": "object", "additionalProperties": _custom_type(text[5:-1].split(", ")[1], prefix, schemas)}
    if text in MODELS:
        return {"allOf": [{"$ref": f"#/components/schemas/{_add_custom(text, prefix, schemas)}"}]}
    if text == "V1ObjectMeta":
        return {"allOf": [{"$ref": f"#/components/schemas/{_add(description('v1', 'ObjectMeta'), text, schemas)}"}]}
    return dict(_CUSTOM_BASIC.get(text, {"type": "object"}))


_API_VERSION: Object = {
    "type": "string",
    "description": "APIVersion defines the versioned schema of this representation of an object.",
}
_KIND: Object = {
    "type": "string",
    "description": "Kind is a string value representing the REST resource this object represents.",
}
