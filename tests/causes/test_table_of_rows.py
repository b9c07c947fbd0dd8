"""The table of what each lossy row was built to do has every row that must lose, and no invented ones."""

from __future__ import annotations

import built_to_lose
import pytest
from command_line import ROOT

from harness.causes.registry import TYPES
from harness.experiment.load import load_experiment
from harness.model.experiment import Cell, ExpectedVerdict

SABOTAGE = sorted(path.stem for path in (ROOT / "experiments").glob("sabotage*.yaml"))


def _cells(name: str) -> dict[str, Cell]:
    return {cell.id: cell for cell in load_experiment(ROOT / "experiments" / f"{name}.yaml").cells}


@pytest.mark.parametrize("name", sorted({*built_to_lose.EXPERIMENTS, *SABOTAGE}))
def test_every_row_that_must_lose_has_its_causes(name: str) -> None:
    """A row that is expected to be lossy is in the table, and the table names cells that exist."""
    cells = _cells(name)
    lossy = {cell.id for cell in cells.values() if cell.expectation.verdict is ExpectedVerdict.LOSSY}
    table = built_to_lose.EXPERIMENTS.get(name, {})

    assert lossy - set(table) == set()
    assert set(table) - set(cells) == set()


def test_the_table_names_causes_that_exist() -> None:
    """A misspelled code would never match."""
    tables = (*built_to_lose.EXPERIMENTS.values(), *built_to_lose.GOLDEN.values())

    assert {code for table in tables for codes in table.values() for code in codes} <= set(TYPES)
