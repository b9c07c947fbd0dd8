"""Pages with generated parts: each part is between two comments with its name."""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.errors import HarnessError


def with_parts(page: str, parts: Mapping[str, str]) -> str:
    """Return a page with the text of each generated part replaced.

    Args:
        page: Markdown with ``<!-- generated: NAME -->`` and ``<!-- end: NAME -->`` on lines of their own.
        parts: The new text by name.

    Raises:
        HarnessError: The page does not have a part exactly once.
    """
    for name, text in parts.items():
        page = _with_part(page, name, text)
    return page


def _with_part(page: str, name: str, text: str) -> str:
    begin, end = f"<!-- generated: {name} -->\n", f"<!-- end: {name} -->"
    pattern = re.compile(re.escape(begin) + r".*?" + re.escape(end), re.DOTALL)
    count = len(pattern.findall(page))
    if count != 1:
        raise HarnessError(f"The page has {count} parts between {begin.strip()} and {end}; expected 1.")
    return pattern.sub(lambda _match: f"{begin}\n{text.strip()}\n\n{end}", page)
