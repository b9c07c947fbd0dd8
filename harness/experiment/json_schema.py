"""The JSON Schema of Experiment files, for editors: generated from the parts that read them.

It describes each field by itself. ``harness validate`` checks more: how fields belong together, the workload, the
cluster. A file that the schema refuses is refused by the harness too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from harness.experiment.changes.reading import schema_of
from harness.experiment.quantities import duration_text
from harness.experiment.schema import ExperimentPart, Head
from harness.model.changes import CHANGE_KINDS

#: The name of the shipped file, next to the shipped Experiments.
FILE = "experiment.schema.json"

#: The line by which editors find the schema, for an Experiment in the same folder.
EDITOR_LINE = f"# yaml-language-server: $schema={FILE}"

_REF = "#/$defs/"


def experiment_schema() -> dict[str, Any]:
    """Return the schema, in JSON Schema's draft 2020-12."""
    models: list[type[ExperimentPart]] = [Head, *map(schema_of, CHANGE_KINDS)]
    _, document = models_json_schema([(model, "validation") for model in models], schema_generator=_Generator)
    definitions: dict[str, Any] = document["$defs"]
    for name, definition in definitions.items():
        _tidy(name, definition)
    head = definitions.pop(Head.__name__)
    head["properties"]["changes"] |= _changes()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Experiment",
        **head,
        "$defs": definitions,
    }


def part_schema(part: type[ExperimentPart]) -> dict[str, Any]:
    """Return the schema of one part, with the schemas of the parts in it as definitions."""
    return part.model_json_schema(schema_generator=_Generator)


def schema_text() -> str:
    """Return the schema as the text of its file."""
    return json.dumps(experiment_schema(), indent=2, ensure_ascii=False) + "\n"


def forms(field: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the schemas of the values that a field accepts, without null."""
    return [form for form in field.get("anyOf", [field]) if form.get("type") != "null"]


def definition_of(form: Mapping[str, Any]) -> str:
    """Return the name of the part that a value is; empty for any other value."""
    return str(form.get("$ref", "")).removeprefix(_REF)


class _Generator(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        """Give fields no title: here a title names the type of a value."""
        del schema
        return False


def _tidy(name: str, definition: dict[str, Any]) -> None:
    """Remove the name of the class, and write defaults as a file has them."""
    if definition.get("title") == name:
        del definition["title"]
    for field in definition["properties"].values():
        default = field.get("default")
        if default is None or any(map(definition_of, forms(field))):  # a part has defaults of its own
            field.pop("default", None)
        elif any(form.get("title") == "duration" for form in forms(field)):
            field["default"] = duration_text(default)


def _changes() -> dict[str, Any]:
    """Describe the list of changes: a word, or a map of one kind to its fields."""
    bare = [kind for kind in CHANGE_KINDS if not _required(kind)]
    kinds = {
        kind: {"description": spec.facts.summary, **_any_of(_fields(kind, is_bare=kind in bare))}
        for kind, spec in CHANGE_KINDS.items()
    }
    one = {"type": "object", "properties": kinds, "minProperties": 1, "maxProperties": 1, "additionalProperties": False}
    return {"type": "array", "minItems": 1, "items": {"anyOf": [{"enum": bare}, one]}}


def _required(kind: str) -> bool:
    fields = schema_of(kind).model_fields.values()
    return bool(CHANGE_KINDS[kind].facts.others) or any(field.is_required() for field in fields)


def _fields(kind: str, *, is_bare: bool) -> Iterable[dict[str, Any]]:
    schema = schema_of(kind)
    yield {"$ref": f"{_REF}{schema.__name__}"}
    if schema.list_field:
        yield {"$ref": f"{_REF}{schema.__name__}/properties/{schema.list_field}"}
    if is_bare:
        yield {"type": "null"}


def _any_of(schemas: Iterable[dict[str, Any]]) -> dict[str, Any]:
    found = [*schemas]
    return found[0] if len(found) == 1 else {"anyOf": found}
