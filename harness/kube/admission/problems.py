"""A field that an API server refuses, with the messages of a real one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """A refused field.

    Attributes:
        field: Path, such as ``spec.template.spec.containers[0].image``.
        reason: ``FieldValueInvalid``, ``FieldValueRequired``, ``FieldValueForbidden``, ….
        message: Message of a real server, without the path.
    """

    field: str
    reason: str
    message: str

    @classmethod
    def invalid(cls, field: str, value: Any, detail: str) -> FieldProblem:
        """Return the problem of a value that is not allowed."""
        shown = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return cls(field, "FieldValueInvalid", f"Invalid value: {shown}: {detail}")

    @classmethod
    def required(cls, field: str, detail: str = "") -> FieldProblem:
        """Return the problem of a missing value."""
        return cls(field, "FieldValueRequired", "Required value" + (f": {detail}" if detail else ""))

    @classmethod
    def forbidden(cls, field: str, detail: str) -> FieldProblem:
        """Return the problem of a field that must not be set or changed."""
        return cls(field, "FieldValueForbidden", f"Forbidden: {detail}")

    @classmethod
    def duplicate(cls, field: str, value: str) -> FieldProblem:
        """Return the problem of a repeated value."""
        return cls(field, "FieldValueDuplicate", f'Duplicate value: "{value}"')

    @classmethod
    def unsupported(cls, field: str, value: str, allowed: Sequence[str]) -> FieldProblem:
        """Return the problem of a value outside an enumeration."""
        names = ", ".join(f'"{name}"' for name in allowed)
        return cls(field, "FieldValueNotSupported", f'Unsupported value: "{value}": supported values: {names}')

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"
