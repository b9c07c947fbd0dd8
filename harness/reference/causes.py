"""The table of causes, from their types."""

from __future__ import annotations

from harness.causes.registry import TYPES
from harness.reference.tables import meaning_of, table


def causes() -> str:
    """Return the code, the certainty and the meaning of every cause, in the order in which they are tried.

    The meaning is the first paragraph of the type's docstring.
    """
    rows = ((f"`{code}`", f"`{kind.certainty}`", meaning_of(kind)) for code, kind in TYPES.items())
    return table(("code", "certainty", "meaning"), rows)
