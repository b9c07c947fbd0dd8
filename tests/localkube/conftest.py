"""Replace the cluster's process by a fake, so that bring-up is tested in milliseconds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.clusters.local import bringup
from harness.kit.waiting import wait_until
from harness.localkube.nginx.record import NginxInstall

FakeNode = Callable[[str], None]


@pytest.fixture
def fake_node(monkeypatch: pytest.MonkeyPatch) -> FakeNode:
    """Make bring-up start the fake process in a mode: ``works``, ``dies`` or ``hangs``."""
    script = Path(__file__).with_name("fake_node.py")
    install = NginxInstall(Path("/nginx"), None, (), (), "", "1.22")

    def use(mode: str) -> None:
        monkeypatch.setattr(
            bringup,
            "node_argv",
            lambda directory: [sys.executable, "-S", str(script), f"{directory}/config.json", mode],
        )
        monkeypatch.setattr("harness.localkube.ingress.program.find_or_fetch", lambda _progress: install)

    return use


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    """Make bring-up time out as soon as the fake process in a folder hangs, which its ``pid`` file shows."""

    def use(directory: Path) -> None:
        started = directory / "pid"

        def wait(condition: Callable[[], Any], *, timeout: float, what: str, interval: float) -> Any:
            wait_until(lambda: condition() or (started.exists() and started.read_text()), timeout=timeout, what=what)
            return wait_until(condition, timeout=0, what=what, interval=interval)

        monkeypatch.setattr(bringup, "wait_until", wait)

    return use
