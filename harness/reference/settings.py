"""Tables of the settings of an Experiment file and of the result of its validation, from their JSON Schemas."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from harness.experiment.changes.reading import schema_of
from harness.experiment.changes.schema import ChangeSchema
from harness.experiment.json_schema import definition_of, experiment_schema, forms, part_schema
from harness.experiment.schema import ExpectPart, ExperimentPart, HoldPart, MatchPart, ModelPart, RampPart, TrafficPart
from harness.experiment.validation_report import ValidationReport
from harness.localkube.apps.orders import STOP_MODES, StopMode
from harness.model.changes import CHANGE_KINDS
from harness.problem_codes import ProblemCode
from harness.reference.tables import table

_HEAD = ("field", "type", "default", "meaning")
#: Fields of the file that have sections of their own on the page.
_APART = ("models", "traffic", "matrix", "changes", "exclude", "expect")
_SECTIONS = {"exclude": "exclude-and-expect", "expect": "exclude-and-expect"}

_Schema = Mapping[str, Any]
_Row = tuple[str, ...]


def file() -> str:
    """Return the fields of the whole file."""
    schema = experiment_schema()
    return table(_HEAD, _rows(schema, schema["$defs"], apart=_APART))


def traffic() -> str:
    """Return the fields of the traffic plan."""
    return _table(TrafficPart)


def ramp() -> str:
    """Return the fields of a rate that changes."""
    return _table(RampPart)


def step() -> str:
    """Return the fields of a step of a rate."""
    return _table(HoldPart)


def model() -> str:
    """Return the fields of a model."""
    return _table(ModelPart)


def endings() -> str:
    """Return the ways in which a stand-in stops."""
    return table(("word", "at SIGTERM the stand-in"), ((f"`{ending}`", STOP_MODES[ending]) for ending in StopMode))


def match() -> str:
    """Return the fields of an entry of ``exclude``."""
    return _table(MatchPart)


def expect() -> str:
    """Return the further fields of an entry of ``expect``."""
    return _table(ExpectPart, without=MatchPart.model_fields)


def every_change() -> str:
    """Return the fields that all changes have."""
    names = [name for name in schema_of("restart").model_fields if name not in ChangeSchema.model_fields]
    return _table(schema_of("restart"), without=names)


def changes() -> str:
    """Return the fields of each kind of change, without those that all have."""
    definitions = experiment_schema()["$defs"]
    common = {field.alias or name for name, field in ChangeSchema.model_fields.items()}
    rows = (
        (f"`{kind}`", *row)
        for kind in CHANGE_KINDS
        for row in _rows(definitions[schema_of(kind).__name__], definitions, without=common)
    )
    return table(("kind", *_HEAD), rows)


def validation() -> str:
    """Return the fields of the result of ``harness validate --json``; it has all of them, so without defaults."""
    schema = part_schema(ValidationReport)
    rows = ((name, kind, meaning) for name, kind, _default, meaning in _rows(schema, schema["$defs"]))
    return table(("field", "type", "meaning"), rows)


def codes() -> str:
    """Return the codes of problems."""
    return table(("code", "meaning"), ((f"`{code}`", code.meaning) for code in ProblemCode))


def _table(part: type[ExperimentPart], *, without: Collection[str] = ()) -> str:
    definitions = experiment_schema()["$defs"]
    return table(_HEAD, _rows(definitions[part.__name__], definitions, without=without))


def _rows(
    part: _Schema,
    definitions: Mapping[str, _Schema],
    prefix: str = "",
    *,
    apart: Collection[str] = (),
    without: Collection[str] = (),
) -> Iterator[_Row]:
    """Yield a row for each field of a part, each followed by the fields of the part that it is or lists.

    Args:
        part: The part's schema.
        definitions: The schemas of all parts by name.
        prefix: Path of the part within the table: ``pool.``, ``paths[].``.
        apart: Names of fields that a section of their own describes.
        without: Names of fields that the table omits.
    """
    for name, field in part["properties"].items():
        if name in without:
            continue
        default = "required" if name in part.get("required", ()) else _default(field)
        if name in apart:
            yield f"`{name}`", f"see [below](#{_SECTIONS.get(name, name)})", default, field["description"]
            continue
        yield f"`{prefix}{name}`", _types(forms(field), definitions), default, field["description"]
        inner = _inner(field)
        if inner:
            below, is_list = inner
            yield from _rows(definitions[below], definitions, f"{prefix}{name}{'[]' if is_list else ''}.")


def _inner(field: _Schema) -> tuple[str, bool] | None:
    """Return the name of the only part in a field and whether the field is a list of it; None for any other field."""
    own = [(definition_of(form), False) for form in forms(field)]
    listed = [(definition_of(item), True) for form in forms(field) for item in forms(form.get("items", {}))]
    found = [(name, is_list) for name, is_list in (*own, *listed) if name]
    return found[0] if len(found) == 1 else None


def _default(field: _Schema) -> str:
    """Return a default as a user would write it."""
    if any(map(definition_of, forms(field))) and len(forms(field)) == len(field.get("anyOf", [field])):
        return "as below"
    value = field.get("default")
    if value is None or value in ("", {}, []):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`[{', '.join(value)}]`" if isinstance(value, list) else f"`{value}`"


def _types(values: Iterable[_Schema], definitions: Mapping[str, _Schema], *, plural: bool = False) -> str:
    """Return the types of values in words, the last one after ``or``."""
    values = list(values)
    if len(values) > 1 and (words := _words(values[0])) and values[1].get("items") == values[0]:
        return f"one or a list of {_quoted(words)}"
    words = list(dict.fromkeys(_type(value, definitions, plural=plural) for value in values))
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]


def _type(value: _Schema, definitions: Mapping[str, _Schema], *, plural: bool = False) -> str:
    """Return the type of a value in words; ``plural`` for the items of a list."""
    if "title" not in value and (words := _words(value)):
        return _quoted(words)
    if value.get("type") == "integer":
        return _number(value)
    if value.get("type") == "array":
        return f"list of {_types(forms(value['items']), definitions, plural=True)}"
    below = definitions.get(definition_of(value), value)
    word = below.get("title") or {"string": "text", "object": "map"}[below["type"]]
    inside = below.get("additionalProperties")
    if below is value and isinstance(inside, Mapping):
        return f"map of {_types(forms(inside), definitions, plural=True)}"
    return f"{word}s" if plural else word


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _words(value: _Schema) -> Sequence[str]:
    """Return the words that a value can be; empty for any other type."""
    if value.get("type") == "boolean":
        return ["true", "false"]
    return [str(word) for word in value.get("enum", [value["const"]] if "const" in value else [])]


def _number(value: _Schema) -> str:
    least, most = value.get("minimum"), value.get("maximum")
    if least is None:
        return "whole number"
    return f"{least:,} or more" if most is None else f"{least:,} to {most:,}"
