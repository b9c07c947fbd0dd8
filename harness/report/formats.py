"""The table of report formats. Every command writes its report in each of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.report import ctrf, html, junit, markdown
from harness.report.document import Document


@dataclass(frozen=True, slots=True)
class Format:
    """A report format.

    Attributes:
        file: Name of the file.
        render: Returns the file's content. The same document always gives the same text.
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
