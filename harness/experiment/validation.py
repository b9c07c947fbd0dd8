"""Pydantic's errors as problems: the place, the expectation, and the nearest known word."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from harness.experiment.problems import Problems, listed, near, place_text
from harness.experiment.schema import HOST, NAME, PATH
from harness.kit.located_yaml import Place
from harness.problem_codes import ProblemCode

P = TypeVar("P", bound=BaseModel)

#: Pydantic's errors of type -> the type that was expected.
_TYPES: Mapping[str, str] = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
    "float_type": "a number",
}

#: Pydantic's errors of range -> the range that was expected, with the names of the error's context.
_RANGES: Mapping[str, str] = {
    "greater_than_equal": "a number greater than or equal to {ge}",
    "less_than_equal": "a number less than or equal to {le}",
    "less_than": "a number less than {lt}",
    "string_too_short": "a text of at least {min_length} letter",
    "too_short": "at least {min_length} item",
    "too_long": "at most {max_length} items",
    "literal_error": "{expected}",
}

#: Patterns of texts -> the text that was expected.
_PATTERNS: Mapping[str, str] = {
    PATH: "a path that begins with / and has no blanks",
    HOST: "the name of a host, with a port if it needs one",
    NAME: "letters and digits, with single . _ - between them",
}


def validate(model: type[P], value: Any, place: Place, problems: Problems) -> P | None:
    """Parse one part of the file.

    Args:
        model: The schema of the part.
        value: The value in the file; None stands for an empty map.
        place: Path of the value.
        problems: Gets every error in it.

    Returns:
        The part, or None if it has an error.
    """
    try:
        return model.model_validate({} if value is None else value)
    except ValidationError as error:
        for detail in error.errors():
            _add(model, detail, place, problems)
        return None


def fields_of(model: type[BaseModel]) -> list[str]:
    """Return the names of a part's fields as a file has them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _add(model: type[BaseModel], detail: ErrorDetails, place: Place, problems: Problems) -> None:
    inside: Place = tuple(detail["loc"])
    where = (*place, *inside)
    path = place_text(where)
    if detail["type"] == "missing":
        problems.add(ProblemCode.REQUIRED, where[:-1], f"{path} is required", names_place=True)
    elif detail["type"] == "extra_forbidden":
        known = fields_of(_model_at(model, inside[:-1]))
        message = f"unknown field {path}; known are {listed(known)}"
        problems.add(ProblemCode.UNKNOWN_FIELD, where, message, near(str(inside[-1]), known), names_place=True)
    else:
        code = ProblemCode.WRONG_TYPE if detail["type"] in _TYPES else ProblemCode.WRONG_VALUE
        hint = near(str(detail["input"]), detail.get("ctx", {}).get("words", ()))
        problems.add(code, where, f"{path}: {_expectation(detail)}", hint, names_place=True)


def _expectation(detail: ErrorDetails) -> str:
    """Return the expectation and the value, in a clause."""
    context, kind = detail.get("ctx", {}), detail["type"]
    if "error" in context:  # raised by a validator of ours, whose text has the value
        return str(context["error"])
    expected = _TYPES.get(kind) or _PATTERNS.get(context.get("pattern", ""))
    expected = expected or (_RANGES[kind].format(**context) if kind in _RANGES else "")
    return f"expected {expected}, got {detail['input']!r}" if expected else f"{detail['msg']}, got {detail['input']!r}"


def _model_at(model: type[BaseModel], place: Place) -> type[BaseModel]:
    """Return the schema of a part inside a part."""
    for name in (part for part in place if isinstance(part, str)):
        field = model.model_fields.get(name)
        model = (_model_in(field.annotation) if field else None) or model
    return model


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the schema in an annotation such as ``list[PathPart]``; None if there is none."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
