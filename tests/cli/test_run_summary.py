"""The help and the reference describe every field that ``harness run --json`` prints."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from documentation import page

from harness.cli.run import run, summary
from harness.store.records import to_json
from harness.testing.reports import sample_run

PRINTED = to_json(summary(sample_run(("bare",), ("none", "rolling-update")), Path("reports/x")))
REFERENCE = page("reference/run-directory.md")


def keys() -> set[str]:
    """Return every field of the object and of its cells."""
    cells = PRINTED["cells"]
    assert isinstance(cells, list)
    return {*PRINTED, *(key for cell in cells for key in cell)}


@pytest.mark.parametrize("text", [inspect.getdoc(run), REFERENCE], ids=["help", "docs/reference/run-directory.md"])
def test_every_field_is_described(text: str) -> None:
    """The author of a script finds each field."""
    assert sorted(key for key in keys() if not re.search(rf"\b{key}\b", text)) == []


def test_no_field_is_described_that_is_not_printed() -> None:
    """The table of the reference has exactly these fields."""
    table = REFERENCE.partition("prints a summary")[2].partition("In `verdict.json`")[0]
    first = "".join(line.split("|")[1] for line in table.splitlines() if "|" in line)
    named = re.findall(r"`(?:cells\[\])?\.?(\w+)`", first)

    assert set(named) == keys()
