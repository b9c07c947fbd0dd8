"""Prints tables of results, and writes them into ``docs/explanation/measurements.md`` between markers."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.measure import machine
from bench.servers import ROOT

DOCUMENT = ROOT / "docs" / "explanation" / "measurements.md"


def parser(description: str) -> argparse.ArgumentParser:
    """Return a parser with the arguments that every benchmark has."""
    arguments = argparse.ArgumentParser(description=description)
    arguments.add_argument(
        "--doc", type=Path, default=DOCUMENT, help="document with the table to replace (%(default)s)"
    )
    arguments.add_argument(
        "--quick", action="store_true", help="take seconds instead of minutes, to check that the benchmark works"
    )
    return arguments


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown. All columns except the first are numbers."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "|".join([" --- "] + [" ---: "] * (len(heads) - 1)) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def publish(document: Path, name: str, command: str, body: str) -> None:
    """Print a result, and write it into the document.

    Args:
        document: The text between its markers ``<!-- bench:NAME -->`` and ``<!-- /bench:NAME -->`` is replaced. The
            result is added at its end if it has no markers.
        name: Name of the result.
        command: Command that produces it.
        body: The result in Markdown.
    """
    print(body)
    begin, end = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
    made = f"Made by `{command}` on {datetime.now(UTC):%Y-%m-%d}: {machine()}."
    block = f"{begin}\n{body}\n\n{made}\n{end}"
    text = document.read_text(encoding="utf-8") if document.exists() else ""
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    text = pattern.sub(lambda _: block, text) if pattern.search(text) else f"{text}\n{block}\n".lstrip()
    document.write_text(text, encoding="utf-8")
