"""Pydantic's errors in the words of the file: the place, what was expected, and the nearest known word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from harness.experiment.problems import Problems, listed, near, place_text
from harness.experiment.schema import HOST
from harness.kit.located_yaml import Place

P = TypeVar("P", bound=BaseModel)

_EXPECTED: Mapping[str, str] = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
    "float_type": "a number",
}


def validate(model: type[P], value: Any, place: Place, problems: Problems) -> P | None:
    """Read one part of the file.

    Args:
        model: What the part must look like.
        value: What is there; None stands for nothing at all.
        place: Where it is, for the problems.
        problems: Gets every error in it.

    Returns:
        The part, or None where it has an error.
    """
    try:
        return model.model_validate({} if value is None else value)
    except ValidationError as error:
        for detail in error.errors():
            _add(model, detail, place, problems)
        return None


def fields_of(model: type[BaseModel]) -> list[str]:
    """The names of a part's fields as they are written in the file."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _add(model: type[BaseModel], detail: ErrorDetails, place: Place, problems: Problems) -> None:
    inside: Place = tuple(detail["loc"])
    last = str(inside[-1]) if inside else ""
    where = (*place, *inside)
    if detail["type"] == "missing":
        problems.add(where[:-1], f"{place_text(where)} is required")
    elif detail["type"] == "extra_forbidden":
        known = fields_of(_model_at(model, inside[:-1]))
        problems.add(where, f"unknown field {place_text(where)}; known are {listed(known)}", near(last, known))
    else:
        hint = near(str(detail["input"]), str(detail.get("ctx", {}).get("expected", "")).replace("'", " ").split())
        problems.add(where, f"{place_text(where)}: {_expected(detail)}", hint)


def _expected(detail: ErrorDetails) -> str:
    context = detail.get("ctx", {})
    got = repr(detail["input"])
    if "error" in context:
        return str(context["error"])
    if detail["type"] in _EXPECTED:
        return f"expected {_EXPECTED[detail['type']]}, got {got}"
    if detail["type"] == "string_pattern_mismatch" and context.get("pattern") == r"^/\S*$":
        return f"expected a path that begins with / and has no blanks, got {got}"
    if detail["type"] == "string_pattern_mismatch" and context.get("pattern") == HOST:
        return f"expected the name of a host, with a port if it needs one, got {got}"
    if detail["type"] == "string_pattern_mismatch":
        return f"expected letters and digits, with single . _ - between them, got {got}"
    return f"{detail['msg'].replace('Input should be', 'expected')}, got {got}"


def _model_at(model: type[BaseModel], place: Place) -> type[BaseModel]:
    """The model of a part inside a part."""
    for name in (part for part in place if isinstance(part, str)):
        field = model.model_fields.get(name)
        model = (_model_in(field.annotation) if field else None) or model
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation such as ``list[PathPart]`` is about."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
