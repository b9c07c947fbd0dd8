"""The sabotage table: settings that must lose, with their class and window, and settings that must not.

The rows are Experiments (``experiments/sabotage*.yaml``) with their expectations and reasons; the run's exit code is 0
only when every row is as it must be. A harness that stopped seeing losses fails the first half, one that invents
losses fails the second.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from built_to_lose import EXPERIMENTS, wrong_causes
from command_line import ROOT, CommandLine
from starved import last_measured, wrong_rows

pytestmark = [pytest.mark.e2e, pytest.mark.sabotage, pytest.mark.timeout(4800)]

TABLES = sorted((ROOT / "experiments").glob("sabotage*.yaml"))


@pytest.mark.parametrize("table", TABLES, ids=lambda path: path.stem)
def test_every_row_is_as_it_must_be(harness: CommandLine, tmp_path: Path, table: Path) -> None:
    """Each cell has its expected verdict, class and window, and its losses have the causes it was built to have."""
    assert wrong_rows(harness, table, tmp_path / "run") == []

    cells = [cell for cell, _ in last_measured(tmp_path / "run").values()]
    assert wrong_causes({"cells": cells}, EXPERIMENTS[table.stem]) == []


def test_the_table_has_rows_of_both_kinds() -> None:
    """An empty glob would pass everything."""
    assert TABLES != []
