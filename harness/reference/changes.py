"""The tables of the kinds of changes, from their facts and their schemas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pydantic.fields import FieldInfo

from harness.experiment.changes.reading import schema_of
from harness.experiment.changes.schema import ChangeSchema
from harness.model.change_facts import TargetKind
from harness.model.changes import CHANGE_KINDS
from harness.reference.tables import table


def kinds() -> str:
    """Return what each kind does, to what, and when it counts as having happened."""
    rows = (
        (f"`{kind}`", spec.facts.summary, spec.facts.target, _undo(kind), spec.facts.observed)
        for kind, spec in CHANGE_KINDS.items()
    )
    return table(("kind", "what it does", "object", "undo", "seen to have happened when"), rows)


def fields() -> str:
    """Return the fields of each kind, without those that all have."""
    return table(("kind", "field", "default", "meaning"), (row for kind in CHANGE_KINDS for row in _fields(kind)))


def in_place() -> str:
    """Return what can be changed in place, and how it is undone."""
    allowed = [(kind, spec.facts) for kind, spec in CHANGE_KINDS.items() if not spec.facts.in_place.refused]
    order = (TargetKind.DEPLOYMENT, TargetKind.SERVICE, TargetKind.INGRESS)
    rows = (
        (f"`{facts.target.field}/NAME`", f"`{facts.in_place.usage}`", _undo(kind))
        for target in order
        for kind, facts in allowed
        if facts.target is target
    )
    return table(("object", "`--change`", "undo"), rows)


def not_in_place() -> str:
    """Return the kinds that are refused in place, each with its reason."""
    return "\n".join(
        f"- `{kind}`: {spec.facts.in_place.refused}."
        for kind, spec in CHANGE_KINDS.items()
        if spec.facts.in_place.refused
    )


def _undo(kind: str) -> str:
    facts = CHANGE_KINDS[kind].facts
    return facts.undo if facts.undoable else f"none: {facts.undo}"


def _fields(kind: str) -> Iterator[Iterable[str]]:
    for name, field in schema_of(kind).model_fields.items():
        if name not in ChangeSchema.model_fields:
            yield f"`{kind}`", f"`{name}`", _default(field), str(field.description)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.get_default()
    if value is None or value in ("", {}, []):
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, float):  # every one is a duration
        return f"`{value:g}s`"
    return f"`{value}`" if isinstance(value, str | int) else "empty"
