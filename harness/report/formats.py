"""The formats in which every command writes its report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.report import ctrf, html, junit, markdown
from harness.report.document import Document


@dataclass(frozen=True, slots=True)
class Format:
    """A format.

    Attributes:
        file: The file's name.
        render: Returns the file's content; the same text for the same document.
    """

    file: str
    render: Callable[[Document], str]


#: One row per format.
FORMATS: tuple[Format, ...] = (
    Format("index.html", html.render),
    Format("junit.xml", junit.render),
    Format("summary.md", markdown.render),
    Format("ctrf.json", ctrf.render),
)
