"""One field that a server refuses, in the words that a real one uses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One field that is not as it must be.

    Attributes:
        field: Path, such as ``spec.template.spec.containers[0].image``.
        reason: ``FieldValueInvalid``, ``FieldValueRequired``, ``FieldValueForbidden``, ….
        message: As a real server words it, without the path.
    """

    field: str
    reason: str
    message: str

    @classmethod
    def invalid(cls, field: str, value: Any, detail: str) -> FieldProblem:
        """A value that is not allowed."""
        shown = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return cls(field, "FieldValueInvalid", f"Invalid value: {shown}: {detail}")

    @classmethod
    def required(cls, field: str, detail: str = "") -> FieldProblem:
        """A value that is missing."""
        return cls(field, "FieldValueRequired", "Required value" + (f": {detail}" if detail else ""))

    @classmethod
    def forbidden(cls, field: str, detail: str) -> FieldProblem:
        """A field that must not be set, or not be changed."""
        return cls(field, "FieldValueForbidden", f"Forbidden: {detail}")

    @classmethod
    def duplicate(cls, field: str, value: str) -> FieldProblem:
        """A value that is there twice."""
        return cls(field, "FieldValueDuplicate", f'Duplicate value: "{value}"')

    @classmethod
    def unsupported(cls, field: str, value: str, allowed: Sequence[str]) -> FieldProblem:
        """A value outside an enumeration."""
        names = ", ".join(f'"{name}"' for name in allowed)
        return cls(field, "FieldValueNotSupported", f'Unsupported value: "{value}": supported values: {names}')

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"
