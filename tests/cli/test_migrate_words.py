"""The options of ``harness migrate`` are checked before anything runs."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from harness.cli.main import app
from harness.errors import InvalidInputError


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
