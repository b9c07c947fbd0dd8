"""The options of ``harness migrate`` are checked before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli import migrate
from harness.cli.main import app
from harness.errors import InvalidInputError
from harness.runner.migration.migrate import MigrationSide

EXPERIMENT = Path(__file__).parents[2] / "experiments" / "migrate.yaml"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "no Experiment is given"),
        (("x.yaml", "--to", "ingress-nginx"), "--from and --to are both ingress-nginx"),
        (("x.yaml", "--from", "traefik", "--to", "traefik"), "--from and --to are both traefik"),
        (("x.yaml", "--to", "nowhere"), "--to nowhere: expected one of"),
    ],
)
def test_invalid_options_are_refused(words: tuple[str, ...], said: str) -> None:
    """The Experiment is not even read."""
    error = CliRunner().invoke(app, ["migrate", *words]).exception

    assert isinstance(error, InvalidInputError)
    assert said in error.message + error.detail


@pytest.mark.parametrize(("words", "service", "times"), [((), "", 0), ((), "true", 1), (("3",), "", 3)])
def test_starved_trials_of_both_sides_are_repeated(
    words: tuple[str, ...], service: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As often as asked for, and once on a CI service, where no user can repeat a migration."""
    sides: list[MigrationSide] = []

    def record(source: MigrationSide, target: MigrationSide, out: Path | None, *, as_json: bool) -> int:
        assert (out, as_json) == (None, False)
        sides.extend((source, target))
        return 0

    monkeypatch.setattr(migrate, "_run", record)
    monkeypatch.setenv("CI", service)
    asked = [word for each in words for word in ("--retry-inconclusive", each)]
    done = CliRunner().invoke(app, ["migrate", str(EXPERIMENT), *asked])

    assert done.exit_code == 0, done.output
    assert [side.options.retry_inconclusive for side in sides] == [times, times]
