"""The table of findings, from their types."""

from __future__ import annotations

import inspect

from harness.findings.registry import TYPES
from harness.reference.tables import table


def findings() -> str:
    """Return the code, the weight and the meaning of every finding, in the order in which they are listed.

    The meaning is the first paragraph of the type's docstring.
    """
    rows = ((f"`{code}`", f"`{kind.weight}`", _meaning(kind)) for code, kind in TYPES.items())
    return table(("code", "weight", "meaning"), rows)


def _meaning(kind: type) -> str:
    paragraph = (inspect.getdoc(kind) or "").partition("\n\n")[0]
    return " ".join(paragraph.replace("``", "`").split())
