"""The table of findings, from their types."""

from __future__ import annotations

from harness.findings.registry import TYPES
from harness.reference.tables import meaning_of, table


def findings() -> str:
    """Return the code, the weight and the meaning of every finding, in the order in which they are listed.

    The meaning is the first paragraph of the type's docstring.
    """
    rows = ((f"`{code}`", f"`{kind.weight}`", meaning_of(kind)) for code, kind in TYPES.items())
    return table(("code", "weight", "meaning"), rows)
