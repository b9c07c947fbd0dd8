"""``harness run --in-place`` is a separate command that shares the name ``run``."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from harness.cli.main import app


@pytest.mark.parametrize(
    ("words", "first_line"),
    [
        (["run", "--help"], "Run an Experiment"),
        (["run", "--in-place", "--help"], "Make one change to an application"),
        (["run", "--in-place=deployment/apple", "--help"], "Make one change to an application"),
        (["run", "--change", "restart", "--in-place", "deployment/apple", "-h"], "Make one change to an application"),
        (["undo", "--help"], "Undo what `harness run --in-place` left changed"),
    ],
)
def test_each_command_has_its_own_help(words: list[str], first_line: str) -> None:
    """The position of the option does not matter, nor whether its value is there."""
    shown = CliRunner().invoke(app, words)

    assert shown.exit_code == 0
    assert first_line in shown.output


def test_run_in_place_is_not_listed() -> None:
    """The list has ``run``, whose help leads to ``--in-place``."""
    shown = CliRunner().invoke(app, ["--help"]).output
    names = getattr(typer.main.get_command(app), "commands", {})

    assert "run-in-place" in names
    assert "run-in-place" not in shown
