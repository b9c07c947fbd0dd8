"""Names and records of the files in a migration's folder, next to its two run directories."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from harness.errors import EvidenceError
from harness.store.records import from_json
from harness.store.versions import check_version

#: Version of the format of ``migration.json``.
VERSION = 1
PLAN = "migration.json"
COMPARISON = "comparison.json"


@dataclass(frozen=True, slots=True)
class MigrationPlan:
    """The content of ``migration.json``, written before the first run.

    Attributes:
        source: Controller of the first run, from which the user migrates.
        target: Controller of the second run, to which the user migrates.
        command: Command line of the migration.
        version: Version of the format; files of earlier harnesses have none.
    """

    source: str
    target: str
    command: str
    version: int = VERSION

    @property
    def directories(self) -> tuple[str, str]:
        """Return the names of the two run directories.

        The prefixes distinguish them even if both have the same controller.
        """
        return (f"source-{self.source}", f"target-{self.target}")


def read_plan(directory: Path) -> MigrationPlan:
    """Return the plan of a migration's folder.

    Raises:
        EvidenceError: The folder is no migration's folder, or its plan is damaged.
    """
    path = directory / PLAN
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(data, dict):
            data = check_version({"version": VERSION, **data}, VERSION, str(path))
        return from_json(MigrationPlan, data)
    except (FileNotFoundError, NotADirectoryError):
        raise EvidenceError(
            f"{directory} is not a migration's folder: it has no {PLAN}.",
            hint="Give the folder that `harness migrate` named; `harness analyze` is for a single run.",
        ) from None
    except ValueError as error:
        raise EvidenceError(f"{path} is damaged: {error}") from error
