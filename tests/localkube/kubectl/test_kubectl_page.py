"""The page about kubectl says what the rows say."""

from __future__ import annotations

from pathlib import Path

from kubectl_page import page
from kubectl_rows import ROWS, Result

ROOT = Path(__file__).parents[3]


def test_the_page_is_generated_from_the_rows() -> None:
    """``python tests/support/kubectl_page.py > docs/reference/kubectl.md`` writes it again."""
    assert (ROOT / "docs" / "reference" / "kubectl.md").read_text(encoding="utf-8") == page()


def test_what_differs_or_is_refused_says_how() -> None:
    """A reader needs the difference, or the message."""
    silent = [row.command for rows in ROWS.values() for row in rows if row.result is not Result.WORKS and not row.note]
    assert silent == []
