"""Print tables of results, and keep them between markers in ``docs/explanation/measurements.md``."""

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
    """The arguments that every benchmark has."""
    arguments = argparse.ArgumentParser(description=description)
    arguments.add_argument("--doc", type=Path, default=DOCUMENT, help="document whose table is replaced (%(default)s)")
    arguments.add_argument("--quick", action="store_true", help="seconds instead of minutes: shows that it works")
    return arguments


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown; all columns but the first are numbers."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "|".join([" --- "] + [" ---: "] * (len(heads) - 1)) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def publish(document: Path, name: str, command: str, body: str) -> None:
    """Print a result, and put it where it belongs in the document.

    Args:
        document: Has ``<!-- bench:NAME -->`` and ``<!-- /bench:NAME -->``; what is between them is replaced. Where it
            does not, the result is added at its end.
        name: Of the result.
        command: What makes it again.
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
