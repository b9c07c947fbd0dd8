"""Faults in the words of ``harness play`` and ``harness exercise`` are found before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli.main import app
from harness.errors import InvalidInputError
from harness.exercises.progress import SavedProgress, StepResult


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the progress in the test's folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["play", "grapes"], "there is no application 'grapes' (one of fruit, versions, none)"),
        (["play", "--ingress", "none"], "there is no ingress controller 'none' to play with"),
        (["play", "--cluster", "context"], "no session runs on 'context' (one of local, kind)"),
        (["exercise", "4"], "there is no exercise 4 (one of 1, 2, 3)"),
        (["exercise", "1", "--step", "13"], "exercise 1 has no step 13 (1 to 12)"),
        (["exercise", "1", "--step", "-1"], "exercise 1 has no step -1"),
        (["exercise", "1", "--lang", "fr"], "there are no texts in 'fr' (one of en, zh)"),
    ],
)
def test_a_fault_is_explained(words: list[str], problem: str, tmp_path: Path) -> None:
    """The hint lists the right values, and no run directory is created."""
    result = CliRunner().invoke(app, words)

    assert isinstance(result.exception, InvalidInputError)
    assert problem in str(result.exception)
    assert not (tmp_path / "reports").exists()


def test_the_list_shows_results_and_reset_forgets_them() -> None:
    """In either language, and without starting anything."""
    SavedProgress.load(1).add("rolling", StepResult(1, "lossy", lost=7, sent=90, classes="7 refused", measured=6.0))
    english = CliRunner().invoke(app, ["exercise", "1", "--list"]).output
    chinese = CliRunner().invoke(app, ["exercise", "1", "--list", "--lang", "zh"]).output
    forgotten = CliRunner().invoke(app, ["exercise", "1", "--list", "--reset"]).output

    assert "12. A hook in an image without a shell" in english
    assert "Measured: lossy. 7 of 90 requests were lost" in english
    assert "实测" in chinese
    assert "Measured" not in forgotten
    assert SavedProgress.load(1).results == {}
