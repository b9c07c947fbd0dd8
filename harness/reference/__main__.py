"""Write the generated parts of the documentation, and the JSON Schemas: ``python -m harness.reference``."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.experiment import json_schema
from harness.reference.pages import outdated, write
from harness.store import verdict_schema


def main(root: Path) -> int:
    """Write every page and every JSON Schema that is not current; name each.

    Args:
        root: The checkout, with the folders ``docs`` and ``experiments``.
    """
    docs = root / "docs"
    for page in outdated(docs):
        write(docs, page)
        print(f"wrote {docs / page}")  # noqa: T201 -- the one output of this command
    for schema, text in (
        (root / "experiments" / json_schema.FILE, json_schema.schema_text()),
        (docs / "reference" / verdict_schema.FILE, verdict_schema.schema_text()),
    ):
        if not schema.exists() or schema.read_text(encoding="utf-8") != text:
            schema.write_text(text, encoding="utf-8")
            print(f"wrote {schema}")  # noqa: T201 -- as above
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path()))
