"""The JSON Schemas of what commands read, print and write, by the names of ``harness schema``.

They are made of the records that are printed or written: types from their fields, descriptions from their docstrings.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from collections.abc import Callable, Mapping
from enum import IntEnum
from functools import partial
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode
from pydantic_core.core_schema import EnumSchema

from harness.experiment.json_schema import part_schema, schema_text
from harness.experiment.validation_report import ValidationReport
from harness.model.changes import CHANGE_KINDS, ChangeSpec
from harness.report.outputs import OUTPUTS
from harness.report.written_files import FILES
from harness.store import verdict_schema
from harness.store.records import to_json

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
#: The beginning of the attributes in a docstring, and a line that begins the description of one.
_ATTRIBUTES = "\n\nAttributes:\n"
_ATTRIBUTE = re.compile(r"    (\w+): (.*)")


class _AsWritten(GenerateJsonSchema):
    """Makes schemas of values as ``harness.store.records`` writes them."""

    def enum_schema(self, schema: EnumSchema) -> dict[str, Any]:
        """Return the schema of an enumeration. An enumeration of numbers is written as its labels."""
        if issubclass(schema["cls"], IntEnum):
            return {"type": "string", "enum": to_json(schema["members"])}
        return super().enum_schema(schema)


def output_schema(record: type) -> dict[str, Any]:
    """Return the schema of a record that is printed as JSON.

    Args:
        record: A dataclass whose docstring describes each field.
    """
    schema = TypeAdapter(record).json_schema(mode="serialization", schema_generator=_AsWritten)
    if ChangeSpec.__name__ in schema.get("$defs", {}):
        schema["$defs"] |= _changes()
    for definition in (schema, *schema.get("$defs", {}).values()):
        _describe(definition, definition.get("description", ""))
    for base in record.__mro__[1:]:
        if dataclasses.is_dataclass(base):
            _describe(schema, f"{schema['description']}\n\n{(inspect.getdoc(base) or '').partition(chr(10) * 2)[2]}")
    return {"$schema": _DIALECT, **schema}


def _changes() -> dict[str, Any]:
    """Return the definitions of all kinds of changes, and of a change as one of them. Each is written with its kind."""
    mode: JsonSchemaMode = "serialization"
    adapters = [(kind, mode, TypeAdapter[Any](record)) for kind, record in CHANGE_KINDS.items()]
    _, made = TypeAdapter.json_schemas(adapters, schema_generator=_AsWritten)
    definitions: dict[str, Any] = made["$defs"]
    common = (inspect.getdoc(ChangeSpec) or "").partition(_ATTRIBUTES)[2]
    for kind, record in CHANGE_KINDS.items():
        own = definitions[record.__name__]
        own["properties"] = {"kind": {"const": kind, "description": "The kind of change."}, **own["properties"]}
        head, _, attributes = own["description"].partition(_ATTRIBUTES)
        own["description"] = f"{head}{_ATTRIBUTES}{attributes}\n{common}"
    references = [{"$ref": f"#/$defs/{record.__name__}"} for record in CHANGE_KINDS.values()]
    return {**definitions, ChangeSpec.__name__: {"description": "A change of any kind.", "anyOf": references}}


def _describe(definition: dict[str, Any], text: str) -> None:
    """Move the descriptions of attributes from a docstring to the properties; all that is printed is required."""
    head, _, attributes = text.partition(_ATTRIBUTES)
    if "properties" not in definition:
        return
    definition["description"] = " ".join(head.split())
    definition["required"] = [*definition["properties"]]
    name = ""
    for line in attributes.splitlines():
        found = _ATTRIBUTE.fullmatch(line)
        name = found[1] if found else name
        field = definition["properties"].get(name)
        if field is not None:
            field["description"] = f"{field.get('description', '') if not found else ''} {found[2] if found else line}"
            field["description"] = " ".join(field["description"].split())
    for field in definition["properties"].values():
        field.pop("title", None)
        field.pop("default", None)


def _text(schema: Mapping[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _validation_text() -> str:
    return _text({"$schema": _DIALECT, **part_schema(ValidationReport)})


def _output_text(record: type) -> str:
    return _text(output_schema(record))


#: A function that returns the text of each schema.
SCHEMAS: Mapping[str, Callable[[], str]] = {
    "experiment": schema_text,
    "verdict": verdict_schema.schema_text,
    "watch-verdict": verdict_schema.watch_schema_text,
    "validate": _validation_text,
    **{name: partial(_output_text, record) for name, record in {**OUTPUTS, **FILES}.items()},
}
