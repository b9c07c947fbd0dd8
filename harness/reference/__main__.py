"""Write the generated parts of the documentation: ``python -m harness.reference``."""

from __future__ import annotations

import sys
from pathlib import Path

from harness.reference.pages import outdated, write


def main(docs: Path) -> int:
    """Write every page that is not current, and name it.

    Args:
        docs: The folder of the documentation.
    """
    for page in outdated(docs):
        write(docs, page)
        print(f"wrote {docs / page}")  # noqa: T201 -- the one output of this command
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs")))
