"""What a migration's folder holds beside its two run directories."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from harness.errors import EvidenceError
from harness.store.records import from_json

PLAN = "migration.json"
COMPARISON = "comparison.json"


@dataclass(frozen=True, slots=True)
class MigrationPlan:
    """The content of ``migration.json``, written before the first run.

    Attributes:
        source: Controller that is left.
        target: Controller that is gone to.
        command: The command line.
    """

    source: str
    target: str
    command: str

    @property
    def directories(self) -> tuple[str, str]:
        """Names of the two run directories: which is which stays clear where both are one controller."""
        return (f"source-{self.source}", f"target-{self.target}")


def read_plan(directory: Path) -> MigrationPlan:
    """The plan of a migration's folder.

    Raises:
        EvidenceError: It is no such folder.
    """
    path = directory / PLAN
    try:
        return from_json(MigrationPlan, json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        raise EvidenceError(
            f"{directory} is not a migration's folder: it has no {PLAN}.",
            hint="Give the folder that `harness migrate` named; `harness analyze` is for a single run.",
        ) from None
    except ValueError as error:
        raise EvidenceError(f"{path} is damaged: {error}") from error
