"""Puts data and scripts into a page so that nothing in them can end their element, and names them in its policy."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

from markupsafe import Markup


def as_json(data: Any) -> Markup:
    """Return data as JSON that can stand in a ``script`` element."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704 - without "<" nothing can end the element


def as_script(text: str) -> Markup:
    """Return a script that can stand in a ``script`` element.

    Raises:
        ValueError: It has characters that a page would read differently, or that could end the element.
    """
    for part in ("</script", "<!--", "\r", "\0"):
        if part in text:
            raise ValueError(f"a script in a page must not have {part!r}")
    return Markup(text)  # noqa: S704 - the loop has seen that nothing ends the element


def policy(*scripts: str) -> str:
    """Return the page's Content-Security-Policy: it loads nothing, and runs these scripts only."""
    hashes = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts)
    sources = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {sources}"
