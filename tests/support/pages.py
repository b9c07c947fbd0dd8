"""The text of a page without the chart library, whose words are not ours."""

from __future__ import annotations

import re


def own_text(page: str) -> str:
    """Return a page without the text of its chart library."""
    return re.sub(r'(<script type="text/plain" id="library">).*?(</script>)', r"\1\2", page, flags=re.DOTALL)


def visible_text(page: str) -> str:
    """Return a page without its styles and scripts."""
    return re.sub(r"<(style|script)\b.*?</\1>", "", page, flags=re.DOTALL)
