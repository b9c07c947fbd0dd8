"""Tests that a signal during the comparison of two finished runs loses neither of them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.kit.interruption import Interrupted
from harness.runner.migration import migrate


def _stop(*_: object) -> Any:
    raise Interrupted


def test_an_interrupted_comparison_says_how_to_repeat_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both runs exist, so the message must not say that nothing had begun."""
    run = SimpleNamespace(bugs=(), interrupted=False)
    monkeypatch.setattr(migrate, "check_run", lambda *_: None)
    monkeypatch.setattr(migrate, "run_experiment", lambda *_: run)
    monkeypatch.setattr(migrate, "replace", lambda options, **_: options)
    monkeypatch.setattr(migrate, "conclude", _stop)
    leg: Any = SimpleNamespace(experiment=SimpleNamespace(name="shop", ingress="traefik"), options=None)
    progress: Any = None
    folder = tmp_path / "move"
    with pytest.raises(Interrupted, match=f"--analyze {folder}"):
        migrate.run_migration(leg, leg, folder, "harness migrate", progress)
