"""Writes a document in every report format, for every command."""

from __future__ import annotations

from pathlib import Path

from harness.kit.files import write_text
from harness.report.document import Document
from harness.report.formats import FORMATS


def write_reports(directory: Path, document: Document) -> None:
    """Write a document in every format.

    All formats are rendered first, so that nothing is written if one of them fails.

    Raises:
        HarnessError: A file can't be written.
    """
    texts = {each.file: each.render(document) for each in FORMATS}
    for name, text in texts.items():
        write_text(directory / name, text)
