"""Two run directories are compared as they are if nothing looks different, and refused if they can't be."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from golden import unpack
from jsonschema import Draft202012Validator

from harness.cli.json_schemas import output_schema
from harness.errors import InvalidInputError
from harness.model.comparison import ComparedOutcome
from harness.report.formats import FORMATS
from harness.report.written_files import ComparisonFile
from harness.runner.comparison.compare import COMPARISON, check_repeatable, compare_stored, stored_side
from harness.runner.options import RunOptions
from harness.runner.progress import SilentProgress


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A run with lossy, lossless and inconclusive cells."""
    return unpack("lifecycle", tmp_path).runs()[0]


def test_a_run_does_not_differ_from_its_copy(stored: Path, tmp_path: Path) -> None:
    """Nothing is repeated; an inconclusive cell is not enough evidence."""
    copy = tmp_path / "copy"
    shutil.copytree(stored, copy)
    options = RunOptions(out=tmp_path / "compared")
    result = compare_stored(stored_side(stored), stored_side(copy), 10, options, SilentProgress())

    assert {cell.outcome for cell in result.comparison.cells} == {
        ComparedOutcome.NO_DIFFERENCE_SHOWN,
        ComparedOutcome.NOT_ENOUGH_EVIDENCE,
    }
    assert result.comparison.process_code == 3
    assert {path.name for path in (tmp_path / "compared").iterdir()} == {COMPARISON, *(f.file for f in FORMATS)}
    Draft202012Validator(output_schema(ComparisonFile)).validate(
        json.loads((tmp_path / "compared" / COMPARISON).read_text())
    )
    page = (tmp_path / "compared" / "index.html").read_text()
    assert 'href="../copy/index.html"' in page


def test_files_are_those_of_the_run(stored: Path) -> None:
    """The user's own may have changed since."""
    files = stored_side(stored).plan.experiment.files

    assert files
    assert all(Path(file).is_relative_to(stored) for file in files)


def test_runs_of_different_clusters_are_not_repeated(stored: Path) -> None:
    """The cluster would be a second cause."""
    side = stored_side(stored)
    other = replace(side, plan=replace(side.plan, cluster="kind"))

    with pytest.raises(InvalidInputError, match="different kinds of clusters"):
        check_repeatable(side, other)


def test_a_change_in_place_is_not_repeated(tmp_path: Path) -> None:
    """A folder alone is no permission to change a user's application."""
    side = stored_side(unpack("in-place-lossy", tmp_path).runs()[0])

    with pytest.raises(InvalidInputError, match="change in place"):
        check_repeatable(side, side)
