"""Every row of the table of kubectl commands is true on the embedded cluster."""

from __future__ import annotations

import re

import pytest
from kubectl_rows import ROWS, Row
from kubectl_runner import Runner

from harness.localkube.apps import confinement

pytestmark = [pytest.mark.processes, pytest.mark.kubectl]

ALL = [
    pytest.param(row, id=f"{section} {number} {row.command[:40]}")
    for section, rows in ROWS.items()
    for number, row in enumerate(rows)
]


@pytest.mark.parametrize("row", ALL)
def test_a_row_of_the_table_is_true(runner: Runner, row: Row) -> None:
    """The command succeeds or fails as the table says, with the words that it has."""
    if row.command.startswith(("exec", "cp")) and not confinement.version():
        pytest.skip("the kernel has no Landlock, so nothing is executed")
    outcome = runner.run(row)

    assert re.search(row.shows, outcome.text, re.MULTILINE), outcome.text
    assert (outcome.code != 0) is row.fails, outcome.text
