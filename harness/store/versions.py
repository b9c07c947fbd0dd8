"""Checks the version of the format in which a stored object was written."""

from __future__ import annotations

from typing import Any

from harness.errors import EvidenceError

#: Former name of the field; today it has the same name in every JSON object of the harness.
_FORMER = "format"


def check_version(data: Any, version: int, place: str) -> dict[str, Any]:
    """Return the fields of a stored object, with its version under the name ``version``.

    Args:
        data: The object, as read from JSON.
        version: The version that this harness reads.
        place: Where the object is, for errors.

    Raises:
        EvidenceError: It is no object, or has another version or none.
    """
    fields = dict(data) if isinstance(data, dict) else {}
    found = fields.pop(_FORMER, None)
    found = fields.setdefault("version", found)
    if found != version or isinstance(found, bool):
        hint = "Use a newer harness." if isinstance(found, int) and found > version else ""
        raise EvidenceError(f"{place}: this harness reads version {version}, not {found!r}.", hint=hint)
    return fields
