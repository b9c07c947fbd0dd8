"""Headers of a request in the form in which routing rules compare them."""

from __future__ import annotations

from harness.controllers.base import Headers


def lowered(headers: Headers) -> dict[str, str]:
    """Return the headers with names in lower case."""
    return {name.lower(): value for name, value in headers}
