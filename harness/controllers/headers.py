"""Headers of a request as rules look at them."""

from __future__ import annotations

from harness.controllers.base import Headers


def lowered(headers: Headers) -> dict[str, str]:
    """Return the values by the names in lower case."""
    return {name.lower(): value for name, value in headers}
