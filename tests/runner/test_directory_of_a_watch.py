"""The directory of a watch is not that of a run that did not get far enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import EvidenceError
from harness.runner.judging import read_plan
from harness.runner.watch.plan import PLAN
from harness.store.rundir import RunDirectory


def test_commands_on_runs_name_the_watch(tmp_path: Path) -> None:
    """To run it again would give another watch."""
    with pytest.raises(EvidenceError, match="did not get that far"):
        read_plan(RunDirectory(tmp_path))

    (tmp_path / PLAN).write_text("{}")
    with pytest.raises(EvidenceError, match="is the directory of a watch") as caught:
        read_plan(RunDirectory(tmp_path))
    assert "harness analyze" in str(caught.value.hint)
