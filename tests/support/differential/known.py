"""The known differences between the embedded cluster and a real one: one table, kept true by the comparison."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import yaml


class _Named(Protocol):
    @property
    def case(self) -> str: ...
    @property
    def fact(self) -> str: ...


Found = TypeVar("Found", bound=_Named)


@dataclass(frozen=True)
class Known:
    """One row: what differs, and why that is left so.

    Attributes:
        case: Name of the case.
        fact: The fact that differs.
        reason: Why it is left.
        sometimes: It depends on timing: the row may go unmet.
    """

    case: str
    fact: str
    reason: str
    sometimes: bool = False


def read_known(path: Path) -> list[Known]:
    """Read the table: reasons, each with its facts and their cases."""
    return [
        Known(case, fact, block["reason"], bool(block.get("sometimes")))
        for block in yaml.safe_load(path.read_text())
        for fact, cases in block["facts"].items()
        for case in cases
    ]


def judge(found: Iterable[Found], known: Sequence[Known], cases: Collection[str]) -> tuple[list[Found], list[Known]]:
    """Compare differences with the table.

    Args:
        found: Every difference.
        known: The table.
        cases: The cases that were compared; rows of others are left alone.

    Returns:
        Differences that have no row, and rows whose difference is gone or whose case does not exist.
    """
    found = list(found)
    rows = {(row.case, row.fact) for row in known}
    met = {(each.case, each.fact) for each in found}
    new = [each for each in found if (each.case, each.fact) not in rows]
    gone = [row for row in known if (row.case, row.fact) not in met and not row.sometimes and row.case in cases]
    return new, gone
