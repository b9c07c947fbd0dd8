"""``--rerun``: the cells of a run that have no answer, with their controls, as they were run."""

from __future__ import annotations

from pathlib import Path

import pytest
from golden import unpack

from harness.errors import EvidenceError, InvalidInputError
from harness.runner.judging import read_plan
from harness.runner.rerun import rerun_of
from harness.store.rundir import RunDirectory


@pytest.fixture
def partial(tmp_path: Path) -> Path:
    """A run of which one cell has no answer."""
    return unpack("lifecycle", tmp_path).runs()[0]


def test_inconclusive_cells_and_their_controls_run_again(partial: Path) -> None:
    """A cell with an answer does not, unless it is the control of one without."""
    plan = read_plan(RunDirectory.open(partial))
    again = rerun_of(partial)

    assert [cell.id for cell in again.experiment.cells] == ["graceful--none", "graceful--selector-patch"]
    assert {cell.id for cell in again.experiment.cells} < {cell.id for cell in plan.experiment.cells}
    assert (again.cluster, again.profile) == (plan.cluster, plan.profile)
    assert again.description.endswith(f"the inconclusive cells of {partial}: graceful--selector-patch")
    assert again.experiment.traffic == plan.experiment.traffic


def test_files_are_those_of_the_run(partial: Path) -> None:
    """The user's own may have changed since."""
    files = rerun_of(partial).experiment.files

    assert files
    assert all(Path(file).is_relative_to(partial / "plan" / "files") and Path(file).is_file() for file in files)


def test_a_run_with_an_answer_for_each_cell_is_refused(tmp_path: Path) -> None:
    """There is nothing to repeat."""
    with pytest.raises(InvalidInputError, match="none of its cells is inconclusive"):
        rerun_of(unpack("hasty", tmp_path).runs()[0])


def test_a_change_in_place_is_refused(tmp_path: Path) -> None:
    """A folder alone is no permission to change a user's application."""
    with pytest.raises(InvalidInputError, match="it changed an application in place"):
        rerun_of(unpack("in-place-withheld", tmp_path).runs()[0])


def test_evidence_that_was_changed_is_refused(partial: Path) -> None:
    """The plan and the evidence must be as they were sealed."""
    (partial / "verdict.json").write_text("{}")
    with pytest.raises(EvidenceError, match=r"verdict\.json"):
        rerun_of(partial)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    """The message says what to give."""
    with pytest.raises(EvidenceError, match="is not a run directory"):
        rerun_of(tmp_path)
