"""Write the generated parts of the documentation, and the JSON Schema: ``python -m harness.reference``."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.experiment.json_schema import FILE, schema_text
from harness.reference.pages import outdated, write


def main(root: Path) -> int:
    """Write every page that is not current, and the JSON Schema if it is not; name each.

    Args:
        root: The checkout, with the folders ``docs`` and ``experiments``.
    """
    docs, schema = root / "docs", root / "experiments" / FILE
    for page in outdated(docs):
        write(docs, page)
        print(f"wrote {docs / page}")  # noqa: T201 -- the one output of this command
    if not schema.exists() or schema.read_text(encoding="utf-8") != schema_text():
        schema.write_text(schema_text(), encoding="utf-8")
        print(f"wrote {schema}")  # noqa: T201 -- as above
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path()))
