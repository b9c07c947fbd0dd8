"""The tables of the kinds of changes, from their facts."""

from __future__ import annotations

from harness.model.change_facts import TargetKind
from harness.model.changes import CHANGE_KINDS
from harness.reference.tables import table


def kinds() -> str:
    """Return the table of all kinds: action, object, undo, and the signs that the change has happened."""
    rows = (
        (f"`{kind}`", spec.facts.summary, ", ".join(spec.facts.targets), _undo(kind), spec.facts.observed)
        for kind, spec in CHANGE_KINDS.items()
    )
    return table(("kind", "what it does", "object", "undo", "it has happened when"), rows)


def in_place() -> str:
    """Return the table of changes in place, with their undo."""
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
